// What mxseal asks the world to do, and how that can go wrong.
#include "simulation/world.hpp"

#include "rotation/tlsa/match.hpp"

#include <fmt/format.h>

namespace mxseal::simulation {

using namespace rotation;
using namespace rotation::tlsa;
using namespace std::chrono_literals;

namespace {

constexpr Duration kNoAnswer = 30s; // after which a request is given up
constexpr Duration kSignatures = std::chrono::hours(24 * 14);

Failure failure(std::string sentence, std::optional<Duration> retry_after = std::nullopt) { return {std::move(sentence), retry_after, false}; }

} // namespace

void World::observe(std::size_t host) {
    after(latency(20ms, 400ms), [this, host, life = life_] {
        if (life != life_) return;
        DnsObservation seen;
        seen.started = seen.finished = clock_.wall();
        seen.address_security = Security::secure;
        OwnerObservation owner;
        std::vector<std::size_t> given;
        const ZoneState& zone = zone_of(host);
        const Instant signed_until = zone.signatures_end.value_or(now() + kSignatures);
        for (std::size_t number = 0; number < zone.servers.size(); ++number) {
            const ServerState& server = zone.servers[number];
            const Copy& copy = owners_[host].copy(number);
            ServerAnswer answer;
            answer.server = server.name;
            answer.address = server.address;
            const bool lost = now() < server.hidden_until || fate_.draw(Fault::query_lost, now());
            if (lost) {
                answer.detail = "TLSA: no answer over UDP and TCP";
                disturb(host);
            } else if (copy.silent) {
                answer.kind = ServerAnswer::Kind::failed;
                answer.detail = "TLSA: SERVFAIL";
            } else if (now() < server.unsigned_until) {
                answer.kind = ServerAnswer::Kind::unsigned_;
                answer.detail = "TLSA: an answer without RRSIG";
            } else if (signed_until <= now()) {
                answer.kind = ServerAnswer::Kind::bogus;
                answer.detail = "TLSA: signatures are out of date";
            } else {
                answer.kind = copy.content.records.empty() ? ServerAnswer::Kind::denied : ServerAnswer::Kind::records;
                answer.records = copy.content.records;
                answer.ttl = copy.content.ttl;
                answer.rrsig_expiration = clock_.at_true(signed_until);
                answer.negative_ttl = setting_.negative_ttl;
                answer.soa_expire = setting_.soa_expire;
                given.push_back(number);
            }
            owner.servers.push_back(std::move(answer));
        }
        if (now() < zone.servers.front().hidden_until) {
            owner.primary_error = "no answer";
        } else {
            owner.primary = owners_[host].copy(0).content.records;
            owner.primary_ttl = owners_[host].copy(0).content.ttl;
        }
        memory_[host].told_wrong = std::any_of(owner.servers.begin(), owner.servers.end(), [](const ServerAnswer& each) {
            return each.kind == ServerAnswer::Kind::unsigned_ || each.kind == ServerAnswer::Kind::bogus || each.kind == ServerAnswer::Kind::failed;
        });
        owner.ns_ttl = Ttl{3600};
        seen.owners.push_back(std::move(owner));
        if (!tell_agent(life, hosts_[host].name, Observed{std::move(seen)})) return;
        for (std::size_t number : given) owners_[host].show(number, now());
    });
}

void World::probe(std::size_t host) {
    after(latency(20ms, 500ms), [this, host, life = life_] {
        if (life != life_) return;
        ProbeRound round;
        round.started = round.finished = clock_.wall();
        const MailHost& model = hosts_[host];
        const auto shake = [&](const Backend& backend, EndpointProbe::Sni sni, std::optional<Algorithm> forced) {
            EndpointProbe each;
            each.address = backend.address;
            each.sni = sni;
            each.forced = forced;
            if (now() < backend.down_until) {
                each.failure = EndpointProbe::Failure::unreachable;
                each.detail = "no connection";
            } else if (now() < backend.no_starttls_until) {
                each.failure = EndpointProbe::Failure::no_starttls;
                each.detail = "STARTTLS is not offered";
            } else {
                const bool old = now() < backend.lingers_until && (forced || sni == EndpointProbe::Sni::other);
                const Keys& keys = old ? backend.lingering : backend.serving;
                const auto key = std::find_if(keys.begin(), keys.end(), [&](const SpkiHash& candidate) { return !forced || algorithms_.at(candidate) == *forced; });
                if (key == keys.end()) {
                    each.failure = EndpointProbe::Failure::handshake;
                    each.absent_algorithm = true;
                } else {
                    each.chain = model.certificates.at(*key);
                }
            }
            round.endpoints.push_back(std::move(each));
        };
        for (const Backend& backend : model.backends) {
            for (auto sni : {EndpointProbe::Sni::base, EndpointProbe::Sni::none, EndpointProbe::Sni::other}) shake(backend, sni, std::nullopt);
            if (model.file.size() > 1)
                for (Algorithm algorithm : {Algorithm::ecdsa_p256, Algorithm::rsa_2048}) shake(backend, EndpointProbe::Sni::base, algorithm);
        }
        // The proof lies on the wire, whether the line that says so can be stored or not.
        const bool proven = std::all_of(model.backends.begin(), model.backends.end(), [&](const Backend& each) { return each.serving == model.file; });
        deliver(life, model.name, Probed{std::move(round)});
        if (proven) memory_[host].switching = false;
    });
}

void World::read_file(std::size_t host) {
    after(latency(5ms, 50ms), [this, host, life = life_] {
        if (life != life_) return;
        FileRead read;
        for (const SpkiHash& spki : hosts_[host].file) {
            Key key;
            key.spki = spki;
            key.algorithm = algorithms_.at(spki);
            key.description = key.algorithm == Algorithm::ecdsa_p256 ? "ECDSA P-256" : "RSA 2048";
            key.adopted = true;
            key.generated = clock_.wall();
            key.chain = hosts_[host].certificates.at(spki);
            const std::uint8_t sealed = 1;
            if (!store_->put_key(spki.hex(), hosts_[host].name, to_string(key.algorithm), ByteView(&sealed, 1)).ok()) {
                read.failure = failure("the key cannot be kept: the store cannot be written");
                read.keys.clear();
                break;
            }
            read.keys.push_back(std::move(key));
        }
        deliver(life, hosts_[host].name, std::move(read));
    });
}

SpkiHash World::new_key(Algorithm algorithm) {
    SpkiHash key;
    key.digest = sha256(view_of(fmt::format("key {} of seed {}", ++keys_made_, options_.seed)));
    algorithms_[key] = algorithm;
    return key;
}

const Chain& World::chain_of(const SpkiHash& key, int serial) {
    auto [place, fresh] = chains_.try_emplace({key, serial});
    Chain& chain = place->second;
    if (!fresh) return chain;
    chain.key = key;
    chain.algorithm = algorithms_.at(key);
    CertificateFacts facts;
    facts.spki_sha256.assign(key.digest.begin(), key.digest.end());
    const auto leaf = sha256(view_of(key.hex() + std::to_string(serial)));
    facts.certificate_sha256.assign(leaf.begin(), leaf.end());
    // Nobody publishes SHA2-512 in this world: digests that match nothing else.
    facts.spki_sha512.assign(64, leaf[0]);
    facts.certificate_sha512.assign(64, leaf[1]);
    chain.certificates = {std::move(facts)};
    chain.not_before = clock_.wall() - 1h;
    chain.not_after = clock_.wall() + setting_.certificate_lifetime;
    chain.self_signed = serial == 0;
    chain.names_host = chain.links = true;
    return chain;
}

void World::generate(std::size_t host, const GenerateKey& wanted) {
    after(latency(1ms, 800ms), [this, host, algorithm = wanted.algorithm, life = life_] {
        if (life != life_) return;
        Key key;
        key.spki = new_key(algorithm);
        own_keys_.insert(key.spki);
        key.algorithm = algorithm;
        key.description = algorithm == Algorithm::ecdsa_p256 ? "ECDSA P-256" : "RSA 2048";
        key.generated = clock_.wall();
        const std::uint8_t sealed = 1;
        const bool kept = store_->put_key(key.spki.hex(), hosts_[host].name, to_string(algorithm), ByteView(&sealed, 1)).ok();
        if (kept) return deliver(life, hosts_[host].name, KeyGenerated{std::move(key), std::nullopt, algorithm});
        deliver(life, hosts_[host].name, KeyGenerated{std::nullopt, failure("the key cannot be kept: the store cannot be written"), algorithm});
    });
}

void World::obtain(std::size_t host, const ObtainCertificate& wanted) {
    Duration takes = latency(2s, 30s);
    if (auto slow = fate_.draw(Fault::ca_slow, now())) {
        takes += fate_.between(*slow, 0, 30min, 12h);
        disturb(host);
    }
    std::optional<Failure> refused;
    if (fate_.draw(Fault::ca_fails, now())) refused = failure("the CA refuses the order: serverInternal");
    if (auto strike = fate_.draw(Fault::ca_throttles, now())) refused = failure("the CA refuses the order: rateLimited", fate_.between(*strike, 0, 30min, 6h));
    if (fate_.draw(Fault::ca_wrong_key, now())) refused = failure("the CA issued for another key; the certificate is thrown away");
    if (refused) disturb(host);
    expect_order(host, now() + takes, refused);
    after(takes, [this, host, key = wanted.key, refused, life = life_] {
        if (life != life_) return;
        if (refused) return deliver(life, hosts_[host].name, CertificateFailed{key, *refused});
        const int serial = ++serials_[key];
        if (!store_->put_chain(key.hex(), std::to_string(serial)).ok()) {
            const Failure unkept = failure("the certificate cannot be kept: the store cannot be written");
            expect_order(host, now(), unkept);
            return deliver(life, hosts_[host].name, CertificateFailed{key, unkept});
        }
        deliver(life, hosts_[host].name, CertificateObtained{key, chain_of(key, serial)});
    });
}

bool World::apply_write(std::size_t host, const WriteTlsa& wanted, Ttl ttl) {
    if (owners_[host].copy(0).content.records != wanted.base) return false;
    before_change(host);
    const auto before = bad_pairs(host, false);
    judge_.checked(Check::one_change);
    if (memory_[host].switching && !wanted.target.includes(wanted.base))
        judge_.violated(Check::one_change, hosts_[host].name, now(), fmt::format("{} becomes {} while the switch is under way", wanted.base.to_string(), wanted.target.to_string()));
    set_primary(host, {wanted.target, ttl}, Hand::ours);
    judge_change(host, before, "a change of the TLSA RRset");
    return true;
}

void World::write(std::size_t host, const WriteTlsa& wanted) {
    Ttl ttl = wanted.ttl;
    owners_[host].asked(ttl, now());
    if (auto strike = fate_.draw(Fault::ttl_rewritten, now())) {
        ttl = Ttl{static_cast<std::int64_t>(static_cast<double>(ttl.count()) * (0.5 + 4 * fate_.measure(*strike, 0)))};
        disturb_by_ttl(host, ttl);
    }
    const Duration takes = latency(30ms, 2s);
    const auto answer = [this, host, life = life_](Duration when, TlsaWritten::Outcome outcome, std::optional<Failure> why) {
        after(when, [this, host, life, outcome, why] { deliver(life, hosts_[host].name, TlsaWritten{outcome, why}); });
    };
    // Judged when it is asked for: a provider may deliver it late, or again after the key was retired.
    judge_.checked(Check::hash_retired);
    for (const SpkiHash& retired : memory_[host].retired)
        if (wanted.target.contains(record_of(retired)) && !wanted.base.contains(record_of(retired)))
            judge_.violated(Check::hash_retired, hosts_[host].name, now(), fmt::format("the record of the retired key {} was added again", retired.short_hex()));
    judge_.checked(Check::records_served);
    if (memory_[host].told_wrong) judge_.violated(Check::records_served, hosts_[host].name, now(), "a change is sent though the last look showed an answer that is not validly signed");
    const auto unknown = failure("no answer came; what became of the change is looked up");
    if (auto strike = fate_.draw(Fault::write_throttled, now())) {
        disturb(host);
        return answer(takes, TlsaWritten::Outcome::failed, failure("429: too many requests", fate_.between(*strike, 0, 1min, 2h)));
    }
    if (fate_.draw(Fault::write_never, now())) {
        disturb(host);
        return answer(kNoAnswer, TlsaWritten::Outcome::unknown, unknown);
    }
    if (fate_.draw(Fault::write_lies, now())) {
        disturb(host);
        return answer(takes, TlsaWritten::Outcome::written, std::nullopt);
    }
    if (auto strike = fate_.draw(Fault::write_applied_late, now())) {
        disturb(host);
        after(fate_.between(*strike, 0, 1min, 40min), [this, host, wanted, ttl] { apply_write(host, wanted, ttl); });
        return answer(kNoAnswer, TlsaWritten::Outcome::unknown, unknown);
    }
    if (auto strike = fate_.draw(Fault::write_loses_race, now())) edit_records(*strike, host);
    const bool lost = fate_.draw(Fault::write_answer_lost, now()).has_value();
    if (auto strike = fate_.draw(Fault::write_applied_twice, now())) {
        disturb(host);
        after(fate_.between(*strike, 0, 10s, 40min), [this, host, wanted, ttl] { apply_write(host, wanted, ttl); });
    }
    if (lost) disturb(host);
    after(takes / 2, [this, host, wanted, ttl, lost, answer, takes, unknown] {
        if (!apply_write(host, wanted, ttl)) return answer(takes / 2, TlsaWritten::Outcome::lost_race, failure("NXRRSET: another RRset stands there"));
        if (lost) return answer(kNoAnswer, TlsaWritten::Outcome::unknown, unknown);
        answer(takes / 2, TlsaWritten::Outcome::written, std::nullopt);
    });
}

void World::reload(std::size_t host, Backend& backend, bool fails) {
    const MailHost& model = hosts_[host];
    if (backend.serving == model.file) return;
    if (fails) return;
    if (auto strike = fate_.draw(Fault::reload_ignored, now())) {
        disturb(host);
        return;
    }
    if (auto strike = fate_.draw(Fault::old_process_lingers, now())) {
        disturb(host);
        backend.lingering = backend.serving;
        backend.lingers_until = now() + fate_.between(*strike, 0, 1min, 8h);
    }
    if (auto strike = fate_.draw(Fault::reload_slow, now())) {
        disturb(host);
        const auto place = static_cast<std::size_t>(&backend - hosts_[host].backends.data());
        after(fate_.between(*strike, 0, 5s, 10min), [this, host, place] { hosts_[host].backends[place].serving = hosts_[host].file; });
        return;
    }
    backend.serving = model.file;
}

// Why the files could not be written; nothing: they are.
std::optional<std::string> World::put_files(std::size_t host, const Deploy& wanted, std::vector<Chain>& chains) {
    MailHost& model = hosts_[host];
    for (const SpkiHash& key : wanted.keys) {
        judge_.checked(Check::key_kept);
        auto kept = store_->get_key(key.hex());
        auto chain = store_->get_chain(key.hex());
        if (kept.ok() && !*kept) {
            judge_.violated(Check::key_kept, model.name, now(), fmt::format("key {} is to be deployed and is not in the store", key.short_hex()));
            return "the key is not in the store";
        }
        if (!kept.ok() || !chain.ok()) return "the store cannot be read";
        chains.push_back(chain_of(key, *chain ? std::stoi(**chain) : 0));
    }
    for (std::size_t number = 0; number < wanted.keys.size(); ++number) model.certificates[wanted.keys[number]] = chains[number];
    if (model.file != wanted.keys) model.former = std::exchange(model.file, wanted.keys);
    return std::nullopt;
}

void World::deploy(std::size_t host, const Deploy& wanted) {
    const Duration takes = latency(50ms, 5s);
    if (fate_.draw(Fault::disk_full, now())) {
        disturb(host);
        return after(takes, [this, host, life = life_] { deliver(life, hosts_[host].name, Deployed{failure("no space left on device"), false, {}}); });
    }
    const bool fails = fate_.draw(Fault::reload_fails, now()).has_value();
    if (fails) disturb(host);
    after(takes / 2, [this, host, wanted, fails, takes, life = life_] {
        // Written by a process that lives; a reload that it began goes on without it.
        if (life != life_) return;
        MailHost& model = hosts_[host];
        const bool changes = model.file != wanted.keys;
        if (changes) before_change(host);
        const auto before = bad_pairs(host, false);
        judge_.checked(Check::hash_retired);
        for (const SpkiHash& key : wanted.keys)
            if (memory_[host].retired.contains(key)) judge_.violated(Check::hash_retired, model.name, now(), fmt::format("the retired key {} was deployed again", key.short_hex()));
        Deployed result;
        const auto trouble = put_files(host, wanted, result.chains);
        if (trouble) {
            deliver(life, model.name, Deployed{failure(*trouble), false, {}});
            return;
        }
        result.file_changed = changes;
        for (Backend& backend : model.backends) reload(host, backend, fails);
        if (fails) result.failure = failure("reload 'postfix reload' ended with exit code 1");
        judge_change(host, before, "a deployment");
        after(takes / 2, [this, host, result = std::move(result), life] { deliver(life, hosts_[host].name, result); });
    });
}

void World::validate_time(std::size_t host) {
    const bool nobody = fate_.draw(Fault::time_unknown, now()).has_value();
    if (nobody) disturb(host);
    after(latency(20ms, 300ms), [this, host, nobody, life = life_] {
        if (nobody) return deliver(life, hosts_[host].name, TimeChecked{failure("no TSIG-signed answer and no Date of the CA"), std::nullopt});
        deliver(life, hosts_[host].name, TimeChecked{std::nullopt, clock_.skew()});
    });
}

} // namespace mxseal::simulation
