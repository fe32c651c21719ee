#include "agent/runtime/jobs.hpp"

#include "agent/keys/certificates.hpp"

#include <algorithm>
#include <random>

#include <fmt/format.h>

namespace mxseal::agent {

using namespace rotation::tlsa;

namespace {

Failure failure_of(const Error& error) {
    Failure failure;
    failure.sentence = error.to_string();
    if (error.retry().kind == mxseal::Retry::Kind::after) failure.retry_after = error.retry().delay;
    failure.permanent = error.retry().kind == mxseal::Retry::Kind::never;
    return failure;
}

struct Job {
    RealWorld& world;
    const HostConfig& host;

    Event operator()(const Observe&) const { return Observed{world.observer().observe(world.target_of(host))}; }

    Event operator()(const Probe& probe) const {
        ProbeTarget target;
        target.host = host.name;
        target.ports = host.ports;
        auto addresses = world.observer().addresses(host.name);
        const Instant now = world.clock().wall();
        if (!addresses.ok()) return Probed{{now, now, {}, "the addresses of the host cannot be found: " + addresses.error().to_string()}};
        target.addresses = std::move(*addresses);
        for (const std::string& backend : host.backends)
            if (std::find(target.addresses.begin(), target.addresses.end(), backend) == target.addresses.end()) target.addresses.push_back(backend);
        if (target.addresses.empty()) return Probed{{now, now, {}, "the host has no address"}};
        // Both, whatever is configured: a second key that nobody pinned would be found by senders only (G-24).
        target.algorithms = {rotation::Algorithm::ecdsa_p256, rotation::Algorithm::rsa_2048};
        for (const auto& [port, version] : probe.versions)
            target.versions.emplace_back(port, NamedVersion{version.records.to_string() + (version.until ? ", held until " + to_rfc3339(*version.until) : ", live"), version.records});
        return Probed{world.prober().probe(target)};
    }

    Event operator()(const ReadFile&) const {
        FileRead read;
        for (const DeployTarget& target : host.deploy) {
            if (auto problem = import_file(target, read.keys)) read.failure = Failure{*problem, std::nullopt, false};
        }
        return read;
    }

    Event operator()(const GenerateKey& generate) const {
        auto made = PrivateKey::generate(generate.algorithm);
        if (!made.ok()) return KeyGenerated{std::nullopt, failure_of(made.error()), generate.algorithm};
        if (auto kept = world.vault().put(*made, host.name.text()); !kept.ok()) return KeyGenerated{std::nullopt, failure_of(kept.error()), generate.algorithm};
        Key key;
        key.spki = made->spki();
        key.algorithm = generate.algorithm;
        key.description = made->description();
        key.generated = world.clock().wall();
        return KeyGenerated{std::move(key), std::nullopt, generate.algorithm};
    }

    Event operator()(const ObtainCertificate& obtain) const {
        auto chain = obtained(obtain.key);
        if (!chain.ok()) return CertificateFailed{obtain.key, failure_of(chain.error())};
        return CertificateObtained{obtain.key, std::move(*chain)};
    }

    Event operator()(const AskRenewalInfo& ask) const {
        RenewalInfoTold told;
        told.key = ask.key;
        told.certificate = ask.certificate;
        auto info = renewal_info(ask);
        if (!info.ok()) {
            told.trouble = info.error().to_string();
            told.retry_after = failure_of(info.error()).retry_after;
        } else if (*info) {
            told.window = RenewalWindow{(*info)->start, (*info)->end};
            told.drawn = drawn_in(*told.window);
            told.retry_after = (*info)->retry_after;
            told.explanation = (*info)->explanation;
        }
        return told;
    }

    Event operator()(const WriteTlsa& write) const {
        auto owner = host.name.prefixed(fmt::format("_{}._tcp", write.port));
        if (!owner.ok()) return TlsaWritten{TlsaWritten::Outcome::failed, failure_of(owner.error())};
        TlsaWritten result;
        for (providers::DnsDriver* driver : world.target_of(host).drivers) {
            auto written = write_at(*driver, *owner, write);
            if (written.ok()) continue;
            result.failure = failure_of(written.error());
            if (written.error().code() == ErrorCode::precondition)
                result.outcome = TlsaWritten::Outcome::lost_race;
            else if (written.error().code() == ErrorCode::ambiguous)
                result.outcome = TlsaWritten::Outcome::unknown;
            else
                result.outcome = TlsaWritten::Outcome::failed;
            break;
        }
        return result;
    }

    Event operator()(const Deploy& deploy) const {
        auto content = world.vault().bundle(deploy.keys);
        if (!content.ok()) return Deployed{failure_of(content.error()), false, {}};
        Deployed result;
        for (const rotation::SpkiHash& key : deploy.keys) {
            auto pem = world.vault().get_chain(key);
            auto chain = pem.ok() && *pem ? read_chain(view_of(**pem), host.name, world.clock().wall()) : Result<rotation::Chain>(Error(ErrorCode::not_found, "no chain"));
            if (chain.ok()) result.chains.push_back(std::move(*chain));
        }
        for (const DeployTarget& target : host.deploy) {
            auto deployed = world.deployer().deploy(target, *content);
            if (deployed.ok()) continue;
            result.failure = failure_of(deployed.error());
            result.failure->sentence = fmt::format("deploying {}: {}", target.combined.string(), result.failure->sentence);
            // The file, not the error, says whether the new pair is in place.
            auto now_there = world.deployer().read(target);
            result.file_changed = now_there.ok() && *now_there && (**now_there).equals(content->reveal());
            result.failure->permanent = false;
            break;
        }
        return result;
    }

    Event operator()(const ValidateTime&) const {
        auto told = authenticated_time();
        if (!told.ok()) return TimeChecked{failure_of(told.error()), std::nullopt};
        return TimeChecked{std::nullopt, world.clock().wall() - *told};
    }

private:
    std::optional<std::string> import_file(const DeployTarget& target, std::vector<Key>& keys) const {
        auto content = world.deployer().read(target);
        if (!content.ok()) return content.error().to_string();
        if (!*content) return fmt::format("{} does not exist", target.combined.string());
        auto imported = world.vault().import_bundle(**content, host.name, world.clock().wall());
        if (!imported.ok()) return fmt::format("{}: {}", target.combined.string(), imported.error().to_string());
        for (ImportedKey& pair : *imported) {
            auto known = std::any_of(keys.begin(), keys.end(), [&](const Key& key) { return key.spki == pair.key; });
            if (known) continue;
            auto private_key = world.vault().get(pair.key);
            Key key;
            key.spki = pair.key;
            key.algorithm = pair.algorithm;
            key.description = private_key.ok() ? private_key->description() : std::string(rotation::to_string(pair.algorithm));
            key.adopted = true;
            key.generated = world.clock().wall();
            key.chain = std::move(pair.chain);
            keys.push_back(std::move(key));
        }
        return std::nullopt;
    }

    Result<rotation::Chain> obtained(const rotation::SpkiHash& spki) const {
        CertificateAuthority* authority = world.authority_of(host);
        if (authority == nullptr) return Error(ErrorCode::unsupported, "`certificate: external`: a renewal hook brings the certificate");
        auto key = world.vault().get(spki);
        if (!key.ok()) return std::move(key).error();
        CertificateRequest request{{host.name}, *key};
        if (auto former = world.vault().get_chain(spki); former.ok() && *former) request.replaces = std::move(**former);
        auto pem = authority->obtain(request);
        if (!pem.ok()) return std::move(pem).error();
        if (auto kept = world.vault().put_chain(spki, *pem); !kept.ok()) return std::move(kept).error();
        return read_chain(view_of(*pem), host.name, world.clock().wall());
    }

    Result<std::optional<RenewalInfo>> renewal_info(const AskRenewalInfo& ask) const {
        CertificateAuthority* authority = world.authority_of(host);
        if (authority == nullptr) return std::optional<RenewalInfo>();
        auto pem = world.vault().get_chain(ask.key);
        if (!pem.ok()) return std::move(pem).error();
        auto chain = *pem ? read_chain(view_of(**pem), host.name, world.clock().wall()) : Result<rotation::Chain>(Error(ErrorCode::not_found, "the certificate is not in the store"));
        if (!chain.ok()) return std::move(chain).error();
        if (chain->certificates.front().certificate_sha256 != ask.certificate) return Error(ErrorCode::precondition, "the store holds a newer certificate than the one that was asked about");
        return authority->renewal_info(**pem);
    }

    // RFC 9773 section 4.2: uniformly random, so that a CA's clients part company.
    static Instant drawn_in(const RenewalWindow& window) {
        if (window.end <= window.start) return window.start;
        std::random_device dice;
        return window.start + Duration{std::uniform_int_distribution<Duration::rep>(0, (window.end - window.start).count())(dice)};
    }

    static std::vector<Bytes> values(const dns::TlsaSet& records) {
        std::vector<Bytes> wire;
        for (const auto& record : records.records()) wire.push_back(record.wire());
        return wire;
    }

    static Status write_at(providers::DnsDriver& driver, const dns::Name& owner, const WriteTlsa& write) {
        auto zone = driver.find_zone(owner);
        if (!zone.ok()) return std::move(zone).error();
        providers::Change change{owner, dns::Type::tlsa, providers::Replace{values(write.target), write.ttl}, providers::MustBeAbsent{}};
        if (!write.base.empty()) change.precondition = providers::MustEqual{values(write.base)};
        auto ticket = driver.apply(*zone, {change});
        if (!ticket.ok()) return std::move(ticket).error();
        return done();
    }

    // Section 0.1: a TSIG-signed answer of the primary, or the Date of the CA.
    Result<Instant> authenticated_time() const {
        Result<Instant> last = Error(ErrorCode::unsupported, "no provider and no CA tells the time");
        for (providers::DnsDriver* driver : world.target_of(host).drivers) {
            auto zone = driver->find_zone(host.name);
            last = zone.ok() ? driver->server_time(*zone) : Result<Instant>(std::move(zone).error());
            if (last.ok()) return last;
        }
        if (CertificateAuthority* authority = world.authority_of(host); authority != nullptr)
            if (auto told = authority->server_time(); told.ok()) return told;
        return last;
    }
};

} // namespace

Event carry_out(RealWorld& world, const HostConfig& host, const Action& action) { return std::visit(Job{world, host}, action); }

} // namespace mxseal::agent
