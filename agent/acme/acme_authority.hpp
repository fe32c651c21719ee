// AcmeAuthority: CertificateAuthority over one ACME CA (RFC 8555), by one kind of challenge.
//
// Thread-safe: obtain() may run for several sets of names at once; two runs for the same set wait for each other.
#pragma once

#include "agent/acme/acme_account.hpp"
#include "agent/acme/authority.hpp"
#include "agent/acme/order_state.hpp"
#include "agent/acme/sleeper.hpp"
#include "base/http.hpp"
#include "base/time.hpp"

#include <memory>
#include <string>
#include <vector>

namespace mxseal::agent {

struct AcmeOptions {
    std::string name;                 // of the acme entry in the configuration, for messages
    std::string directory;            // https URL
    std::vector<std::string> contact; // "mailto:hostmaster@example.org"
    bool accept_terms = false;
    Duration time_limit = std::chrono::minutes(15); // of one obtain(), publication in DNS included; an order outlives it
    ChallengeType challenge = ChallengeType::dns_01; // what the publisher of AcmePorts publishes
};

struct AcmePorts {
    HttpTransport& transport; // with the roots of `ca_file` and a User-Agent
    Journal& journal;
    ChallengePublisher& publisher;
    const Clock& clock;
    Sleeper& sleeper;
};

class AcmeAuthority final : public CertificateAuthority {
public:
    AcmeAuthority(AcmeOptions options, AcmePorts ports);
    ~AcmeAuthority() override;
    Result<std::string> obtain(const CertificateRequest& request) override;
    Result<std::optional<RenewalInfo>> renewal_info(std::string_view chain_pem) override;
    Result<Instant> server_time() override;

private:
    class Turns;
    Result<AcmeAccount> account(AcmeSession& session);
    Result<std::string> order(AcmeSession& session, const AcmeAccount& account, const CertificateRequest& request, const std::string& id);

    AcmeOptions options_;
    AcmePorts ports_;
    std::unique_ptr<Turns> turns_;
};

} // namespace mxseal::agent
