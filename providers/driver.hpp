// DnsDriver: the port through which mxseal writes DNS. One driver a provider, each in its own folder; all pass the
// conformance suite in tests/conformance.
//
// Drivers are stateless between calls but for sessions and connections; every call blocks, is bounded in time (30 s
// unless a driver says otherwise) and may come from any worker thread, several at once, for one zone too: a driver whose
// provider cannot take that puts them in a row itself.
//
// Values are wire rdata, never text: the codec between them and what the provider writes ("3 1 1 0a..", fields, quoted
// strings) belongs to the driver. Owner names are absolute and lower case (dns::Name).
#pragma once

#include "base/dns/name.hpp"
#include "base/dns/query.hpp"
#include "base/result.hpp"
#include "base/time.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace mxseal::providers {

struct Zone {
    dns::Name apex;
    std::string handle;               // the provider's own id; empty where the apex is enough
    std::optional<Ttl> min_ttl;       // the provider raises smaller ones
};

struct Rrset {
    dns::Name owner;
    dns::Type type = dns::Type::tlsa;
    Ttl ttl{0};
    std::vector<Bytes> values;        // sorted, without repetition, at least one
    bool operator==(const Rrset&) const = default;
};

// What must stand at (owner, type) for the change to happen.
struct Any {};                                        // whatever stands there
struct MustBeAbsent {};
struct MustEqual { std::vector<Bytes> values; };      // exactly these, in any order; TTL is not compared (RFC 2136 section 2.4.2)
using Precondition = std::variant<Any, MustBeAbsent, MustEqual>;

// What to do with it. Replace with no values deletes the RRset.
struct Add { std::vector<Bytes> values; Ttl ttl; };   // union; the whole set gets `ttl`
struct Remove { std::vector<Bytes> values; };         // difference; values that are not there are ignored
struct Replace { std::vector<Bytes> values; Ttl ttl; };
using Operation = std::variant<Add, Remove, Replace>;

struct Change {
    dns::Name owner;
    dns::Type type = dns::Type::tlsa;
    Operation operation;
    Precondition precondition = Any{};
};

// A change that the provider accepted but has perhaps not carried out yet.
struct Ticket {
    std::string id;                   // empty: nothing to poll, the change is on the server that was written to
};
enum class TicketState { in_sync, pending };

// How far a precondition can be trusted (providers.md section 4).
enum class CompareAndSwap {
    native,      // the provider checks it atomically with the change
    create_only, // only MustBeAbsent is atomic
    checked,     // read right before, read again after; a race can slip through
};

struct Capabilities {
    bool tlsa = true, txt = true;
    CompareAndSwap compare_and_swap = CompareAndSwap::checked;
    bool atomic_replace = false;      // otherwise the core adds, confirms, then removes (F-12)
    bool atomic_batch = false;        // all changes of one apply() or none
    std::size_t max_batch_changes = 1;
    std::optional<Ttl> min_ttl, max_ttl;
    bool tells_time = false;          // server_time() works
};

class DnsDriver {
public:
    virtual ~DnsDriver() = default;

    virtual Capabilities capabilities() const = 0;

    // The zone that `name` belongs to, by longest match among those that the provider serves (F-01); not_managed if none.
    virtual Result<Zone> find_zone(const dns::Name& name) = 0;

    // What the server that is written to answers now; nothing when (owner, type) does not exist.
    // cname_conflict when a CNAME stands at the owner.
    virtual Result<std::optional<Rrset>> read(const Zone& zone, const dns::Name& owner, dns::Type type) = 0;

    // Carries out all changes, all of one zone. Success means accepted and, where the server can be read, read back (F-06).
    //   precondition: nothing was changed; read again and plan again (F-03)
    //   ambiguous:    the request may have run or may run later; read before anything else (F-05)
    //   others:       nothing was changed
    virtual Result<Ticket> apply(const Zone& zone, const std::vector<Change>& changes) = 0;

    virtual Result<TicketState> poll(const Zone& zone, const Ticket& ticket) = 0;

    // The provider's clock from an authenticated answer, to re-validate ours (requirements 0.1); unsupported if it has none.
    virtual Result<Instant> server_time(const Zone& zone) = 0;
};

} // namespace mxseal::providers
