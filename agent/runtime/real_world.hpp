// RealWorld: the adapters behind the ports, made from the configuration: resolver, observer, prober, DNS drivers, authorities,
// vault, deployer. The one place where they are wired together.
#pragma once

#include "agent/acme/authority.hpp"
#include "agent/acme/order_state.hpp"
#include "agent/acme/sleeper.hpp"
#include "agent/config/config.hpp"
#include "agent/deploy/deployer.hpp"
#include "agent/domains/challenge_board.hpp"
#include "agent/keys/key_vault.hpp"
#include "agent/observe/observer.hpp"
#include "agent/observe/policy_observer.hpp"
#include "agent/observe/validating_resolver.hpp"
#include "agent/runtime/dns_challenge.hpp"
#include "agent/runtime/store_journal.hpp"
#include "agent/store/store.hpp"
#include "base/http.hpp"
#include "providers/driver.hpp"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace mxseal::agent {

class RealWorld {
public:
    // Reads the secrets that the configuration names; makes the sealing keys when they are missing. Contacts nobody.
    // `board`: where challenges of the endpoint go; null: there is none.
    static Result<std::unique_ptr<RealWorld>> create(const Config& config, Store& store, const Clock& clock, ChallengeBoard* board = nullptr);
    ~RealWorld();

    ObservationTarget target_of(const HostConfig& host);
    Result<ObservationTarget> target_of(const dns::Name& name); // not_managed: in no configured zone
    CertificateAuthority* authority_of(const HostConfig& host); // null: external
    CertificateAuthority* authority(const std::string& name);   // of `acme`, or "self-signed"; null: none of these

    // Wakes whoever waits between polls; nothing waits any more.
    void stop() { sleeper_.stop(); }

    const Config& config() const { return config_; }
    const Clock& clock() const { return clock_; }
    Observer& observer() { return *observer_; }
    PolicyObserver& policy_observer() { return *policy_observer_; }
    std::optional<ZoneAccess> zone_access(const dns::Name& name); // absent: in no configured zone
    Prober& prober() { return *prober_; }
    KeyVault& vault() { return *vault_; }
    Deployer& deployer() { return *deployer_; }

private:
    RealWorld(const Config& config, Store& store, const Clock& clock) : config_(config), store_(store), clock_(clock) {}
    Status open_vault();
    Status open_dns();
    Status open_authorities();
    ChallengePublisher* publisher_of(ChallengeType type);

    const Config& config_;
    Store& store_;
    const Clock& clock_;
    ChallengeBoard* board_ = nullptr;
    StoppableSleeper sleeper_;
    std::unique_ptr<Sealer> mx_sealer_, acme_sealer_;
    std::unique_ptr<KeyVault> vault_;
    std::unique_ptr<StoreJournal> journal_;
    std::unique_ptr<ValidatingResolver> resolver_;
    std::unique_ptr<Observer> observer_;
    std::unique_ptr<PolicyObserver> policy_observer_;
    std::unique_ptr<Prober> prober_;
    std::unique_ptr<Deployer> deployer_;
    std::map<std::string, std::unique_ptr<providers::DnsDriver>> drivers_;
    std::unique_ptr<DnsChallengePublisher> challenges_;
    std::vector<std::unique_ptr<HttpTransport>> transports_;
    std::map<std::string, std::unique_ptr<CertificateAuthority>> authorities_;
};

} // namespace mxseal::agent
