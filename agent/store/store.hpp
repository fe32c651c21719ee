// Store: everything that must outlive the process, in one room behind one port. SqliteStore is the default; PostgreSQL
// comes later behind the same interface, so no SQL stands anywhere else.
//
// Thread-safe. Each call is one transaction and durable when it returns (SQLite: WAL, synchronous=FULL). Writes that belong
// to deciding (commit) carry the fencing token of the lease and are refused once another agent holds it.
#pragma once

#include "agent/store/domain_rows.hpp"
#include "base/bytes.hpp"
#include "base/json.hpp"
#include "base/result.hpp"
#include "base/time.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mxseal::agent {

// The lease of the one active agent (F-15). A higher token always beats a lower one.
struct FencingToken {
    std::int64_t value = 0;
};

// A host as the scheduler needs it: small, so that ten thousand load at once; the document is read when the host is due.
struct HostRow {
    std::string name;
    Json summary;                 // what the runtime wants at hand of a host that it has not loaded
    std::optional<Instant> due;   // next wake
};

struct LogEntry {
    std::int64_t id = 0;          // given by the store, ascending
    Instant at{};
    std::string host;             // empty: of the agent itself
    std::string event;            // stable name: "tlsa.complete"
    Json fields;
    std::string sentence;         // the same sentence as in `status` and `plan` (P5)
};

struct LogFilter {
    std::string host;             // empty: all
    std::int64_t after_id = 0;
    std::size_t limit = 1000;     // the newest so many after `after_id`, oldest first
};

// What an operator asked for while no agent ran, or through the control API; consumed by the runtime in order.
struct StoredRequest {
    std::int64_t id = 0;
    Instant at{};
    Json body;
};

// One step of the runtime: all of it or nothing.
struct Commit {
    struct Host {
        std::string name;
        std::string document;     // the state of rotation/, as JSON text: written with every step, read at a start
        std::string summary;      // JSON text
        std::optional<Instant> due;
    };
    std::vector<Host> hosts;
    std::vector<LogEntry> log;    // ids are given by the store
    std::vector<std::int64_t> consumed_requests;
    std::vector<SiteRow> sites;
    std::vector<SitePair> pairs;
    std::vector<std::string> gone_sites; // domains whose site, key and certificate are dropped
    struct Policy {
        PolicyRow row;
        std::string document;     // the state of rotation/mta_sts, as JSON text
    };
    std::vector<Policy> policies;
    std::vector<std::string> gone_policies;
    std::vector<std::pair<std::string, Json>> facts; // agent-wide documents by name, as put_document("agent", name)
};

class Store {
public:
    virtual ~Store() = default;

    // Takes the lease for `holder`; `busy` while another live process holds it. SQLite: an flock beside the database, so the
    // lease of a killed process is free at once; the token still rises each time.
    virtual Result<FencingToken> acquire_lease(const std::string& holder) = 0;

    virtual Result<std::vector<HostRow>> load_hosts() = 0;
    virtual Result<std::optional<Json>> load_host(const std::string& name) = 0;
    virtual Status commit(const FencingToken& token, const Commit& commit) = 0; // `refused`: the lease is another's

    // Sealed private keys and their PEM chains, by SPKI SHA-256 in hex. Keys are never overwritten or deleted by mxseal.
    virtual Status put_key(const std::string& spki, std::string_view host, std::string_view algorithm, ByteView sealed) = 0;
    virtual Result<std::optional<Bytes>> get_key(const std::string& spki) = 0;
    virtual Status put_chain(const std::string& spki, const std::string& pem) = 0;
    virtual Result<std::optional<std::string>> get_chain(const std::string& spki) = 0;

    // Documents of other rooms (ACME accounts and orders, MX RRsets seen), by kind and id.
    virtual Result<std::optional<Json>> get_document(std::string_view kind, std::string_view id) = 0;
    virtual Status put_document(std::string_view kind, std::string_view id, const Json& document) = 0;
    virtual Status remove_document(std::string_view kind, std::string_view id) = 0;
    virtual Result<std::vector<std::pair<std::string, Json>>> list_documents(std::string_view kind) = 0;
    virtual Status put_blob(std::string_view kind, std::string_view id, ByteView blob) = 0; // sealed secrets
    virtual Result<std::optional<Bytes>> get_blob(std::string_view kind, std::string_view id) = 0;

    // Mail domains. put_domains() needs no lease: any process of the operator may add and remove, all rows or none.
    virtual Status put_domains(const std::vector<DomainRow>& rows) = 0;
    // What changed after `version`, removed ones too; 0: all there are. Costs one number where nothing did.
    virtual Result<DomainChanges> domains_since(std::int64_t version) = 0;
    virtual Result<std::vector<SiteRow>> load_sites() = 0;
    virtual Result<std::optional<SitePair>> load_pair(const std::string& domain) = 0;
    virtual Result<std::vector<PolicyRow>> load_policies() = 0;
    virtual Result<std::optional<Json>> load_policy(const std::string& domain) = 0;
    // What is to be served, by domain: sites with a body and a pair, at most `limit` after `after`. Empty: no more.
    virtual Result<std::vector<ServedSite>> served_sites(const std::string& after, std::size_t limit) = 0;

    // Requests need no lease: any process of the operator may leave one.
    virtual Result<std::int64_t> add_request(Instant at, const Json& body) = 0;
    virtual Result<std::vector<StoredRequest>> pending_requests() = 0;

    virtual Result<std::vector<LogEntry>> read_log(const LogFilter& filter) = 0;
};

} // namespace mxseal::agent
