// CertificateAuthority: the port through which certificates come. AcmeAuthority (RFC 8555) and SelfSignedAuthority stand
// behind it; the simulation has its own. obtain() blocks up to its deadline; call it from a worker of the CA's pool.
#pragma once

#include "agent/keys/private_key.hpp"
#include "base/dns/name.hpp"
#include "base/json.hpp"
#include "base/result.hpp"
#include "base/time.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mxseal::agent {

// Where an authority keeps what must outlive a restart: accounts, orders, back-off. Backed by the store; any thread.
// Each put is durable when it returns.
class Journal {
public:
    virtual ~Journal() = default;
    virtual std::optional<Json> get(std::string_view kind, std::string_view id) = 0;
    virtual Status put(std::string_view kind, std::string_view id, const Json& document) = 0;
    virtual Status remove(std::string_view kind, std::string_view id) = 0;
    // Secrets (the account key), sealed by the journal.
    virtual std::optional<Secret> get_secret(std::string_view kind, std::string_view id) = 0;
    virtual Status put_secret(std::string_view kind, std::string_view id, const Secret& secret) = 0;
};

// Publishes the values of challenges of one kind: dns-01 in DNS, the others at the endpoint. Several values at one name coexist; only our
// own is removed (E-17).
class ChallengePublisher {
public:
    virtual ~ChallengePublisher() = default;
    // Returns when the CA can see it. dns-01: TXT `value` at `_acme-challenge.<name>`, shown by every authoritative server (E-05); the others
    // take the key authorization (agent/domains/challenge_board.hpp).
    virtual Status publish(const dns::Name& name, const std::string& value) = 0;
    virtual Status remove(const dns::Name& name, const std::string& value) = 0;
};

struct CertificateRequest {
    std::vector<dns::Name> names; // the first one is the host
    const PrivateKey& key;
    std::string replaces{}; // PEM of the chain that the new one takes the place of (RFC 9773 section 5); empty: none
};

// What a CA says about the renewal of one certificate (RFC 9773 section 4.2), as it said it: the window may be nonsense.
struct RenewalInfo {
    Instant start{}, end{};
    std::string explanation;             // address of a page for people, untrusted: escaped and cut; empty: none
    std::optional<Duration> retry_after; // when the CA wants to be asked again
};

class CertificateAuthority {
public:
    virtual ~CertificateAuthority() = default;
    // PEM chain, leaf first, checked by check_issued(). Errors carry Retry: after(...) from Retry-After, else the
    // authority's own back-off, which is per (CA, account, names) and survives restarts (E-07).
    virtual Result<std::string> obtain(const CertificateRequest& request) = 0;
    // When the CA wants the leaf of `chain_pem` renewed (E-13); absent: it offers no such information, or did not issue the leaf by
    // anything that it could be named by. One unauthenticated GET beside the directory. Errors as obtain()'s; `protocol`: no answer in the form of the RFC.
    virtual Result<std::optional<RenewalInfo>> renewal_info(std::string_view chain_pem) = 0;
    // The CA's clock from the HTTPS Date field; unsupported when there is none (self-signed).
    virtual Result<Instant> server_time() = 0;
};

} // namespace mxseal::agent
