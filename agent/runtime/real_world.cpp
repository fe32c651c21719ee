#include "agent/runtime/real_world.hpp"

#include "agent/acme/acme_authority.hpp"
#include "agent/acme/self_signed.hpp"
#include "agent/config/zones.hpp"
#include "agent/deploy/file_deployer.hpp"
#include "agent/observe/authoritative_observer.hpp"
#include "agent/observe/starttls_prober.hpp"
#include "agent/observe/validating_resolver.hpp"
#include "agent/runtime/sealing_keys.hpp"
#include "base/dns/tsig.hpp"
#include "providers/rfc2136/rfc2136_driver.hpp"

#include <fmt/format.h>

namespace mxseal::agent {

namespace {

constexpr const char* kUserAgent = "mxseal/0.1 (+https://github.com/mxseal/mxseal)";

} // namespace

Result<std::unique_ptr<RealWorld>> RealWorld::create(const Config& config, Store& store, const Clock& clock, ChallengeBoard* board) {
    std::unique_ptr<RealWorld> world(new RealWorld(config, store, clock));
    world->board_ = board;
    for (auto step : {&RealWorld::open_vault, &RealWorld::open_dns, &RealWorld::open_authorities})
        if (auto opened = (world.get()->*step)(); !opened.ok()) return std::move(opened).error();
    world->deployer_ = std::make_unique<FileDeployer>();
    return world;
}

RealWorld::~RealWorld() = default;

Status RealWorld::open_vault() {
    auto mx = open_sealing_key(config_, "mx-sealing.key");
    if (!mx.ok()) return std::move(mx).error();
    auto acme = open_sealing_key(config_, "acme-sealing.key");
    if (!acme.ok()) return std::move(acme).error();
    mx_sealer_ = std::make_unique<Sealer>(std::move(*mx));
    acme_sealer_ = std::make_unique<Sealer>(std::move(*acme));
    vault_ = std::make_unique<KeyVault>(store_, *mx_sealer_);
    journal_ = std::make_unique<StoreJournal>(store_, *acme_sealer_);
    return done();
}

Status RealWorld::open_dns() {
    auto resolver = ValidatingResolver::create({.forward = config_.resolver.forward, .trust_anchors = config_.resolver.trust_anchors, .root_hints = config_.resolver.root_hints});
    if (!resolver.ok()) return std::move(resolver).error();
    resolver_ = std::move(*resolver);
    observer_ = std::make_unique<AuthoritativeObserver>(clock_, *resolver_);
    policy_observer_ = std::make_unique<AuthoritativePolicyObserver>(clock_, *resolver_);
    auto prober = StartTlsProber::create(clock_);
    if (!prober.ok()) return std::move(prober).error();
    prober_ = std::move(*prober);
    for (const auto& [name, provider] : config_.providers) {
        auto secret = read_secret_file(provider.tsig_secret_file);
        if (!secret.ok()) return std::move(secret).error();
        auto key = dns::TsigKey::make(provider.tsig_name, provider.tsig_algorithm, *secret);
        if (!key.ok()) return std::move(key).error().in_context("providers." + name);
        auto driver = providers::make_rfc2136_driver({.servers = provider.servers, .key = std::move(*key)}, clock_);
        if (!driver.ok()) return std::move(driver).error().in_context("providers." + name);
        drivers_.emplace(name, std::move(*driver));
    }
    challenges_ = std::make_unique<DnsChallengePublisher>(*observer_, sleeper_, [this](const dns::Name& name) { return target_of(name); });
    return done();
}

ChallengePublisher* RealWorld::publisher_of(ChallengeType type) {
    switch (type) {
    case ChallengeType::dns_01: return challenges_.get();
    case ChallengeType::http_01: return board_ != nullptr ? &board_->http() : nullptr;
    case ChallengeType::tls_alpn_01: return board_ != nullptr ? &board_->tls_alpn() : nullptr;
    }
    return nullptr;
}

Status RealWorld::open_authorities() {
    for (const auto& [name, acme] : config_.acme) {
        transports_.push_back(make_curl_transport({acme.ca_file ? acme.ca_file->string() : "", kUserAgent}));
        AcmeOptions options{name, acme.directory, acme.contact, acme.accept_terms};
        options.challenge = parse_challenge_type(acme.challenge).value_or(ChallengeType::dns_01);
        auto* publisher = publisher_of(options.challenge);
        if (publisher == nullptr) continue; // there is no endpoint, so nobody asks this CA for anything
        authorities_.emplace(name, std::make_unique<AcmeAuthority>(std::move(options), AcmePorts{*transports_.back(), *journal_, *publisher, clock_, sleeper_}));
    }
    authorities_.emplace("self-signed", std::make_unique<SelfSignedAuthority>(clock_));
    return done();
}

ObservationTarget RealWorld::target_of(const HostConfig& host) {
    ObservationTarget target;
    target.host = host.name;
    target.ports = host.ports;
    target.zone = host.zone;
    const ZoneConfig& zone = config_.zones.at(host.zone);
    target.nameservers = zone.nameservers;
    for (const std::string& provider : zone.providers) target.drivers.push_back(drivers_.at(provider).get());
    return target;
}

Result<ObservationTarget> RealWorld::target_of(const dns::Name& name) {
    const ZoneConfig* zone = zone_of(config_, name);
    if (zone == nullptr) return Error(ErrorCode::not_managed, fmt::format("{} is in none of the configured zones", name.text()));
    ObservationTarget target;
    target.host = name;
    target.zone = zone->name;
    target.nameservers = zone->nameservers;
    for (const std::string& provider : zone->providers) target.drivers.push_back(drivers_.at(provider).get());
    return target;
}

std::optional<ZoneAccess> RealWorld::zone_access(const dns::Name& name) {
    auto target = target_of(name);
    if (!target.ok()) return std::nullopt;
    return ZoneAccess{target->zone, target->nameservers, target->drivers};
}

CertificateAuthority* RealWorld::authority_of(const HostConfig& host) { return authority(host.certificate); }

CertificateAuthority* RealWorld::authority(const std::string& name) {
    auto found = authorities_.find(name);
    return found == authorities_.end() ? nullptr : found->second.get();
}

} // namespace mxseal::agent
