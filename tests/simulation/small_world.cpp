#include "tests/simulation/small_world.hpp"

#include "agent/runtime/host_document.hpp"
#include "rotation/tlsa/view.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace mxseal::small {

using namespace rotation;
using namespace rotation::tlsa;
using namespace std::chrono_literals;

namespace {

// Each look takes a moment, so that what is seen comes after what was done.
constexpr Duration kLook{10};
constexpr int kAnswersMax = 200; // of one move: far more than any decision asks for

// Small numbers: a course of few moves goes through all waits.
const Policy& policy_of(std::size_t host) {
    static const std::array<Policy, kHosts> policies = [] {
        std::array<Policy, kHosts> all;
        for (std::size_t each = 0; each < kHosts; ++each) {
            Policy& policy = all[each];
            policy.host = policy_name(each);
            policy.rotate_every = std::chrono::hours(24 * 365); // rolls are asked for
            policy.tlsa_ttl = kTtl;
            policy.resolver_min_ttl = 6min;
            policy.safety_margin = 1min;
            policy.stale_margin = policy.emergency_stale_margin = policy.anycast_margin = 0s;
            policy.unseen_ttl = 5min;
            policy.stagger = policy.rollback_hold = 5min;
            policy.unreachable_grace = 0s;
            policy.observe_every = 1min;
            policy.monitor_every = 4min;
            policy.publicly_trusted = false;
        }
        return all;
    }();
    return policies[host];
}

SpkiHash key_number(std::size_t host, int number) {
    SpkiHash key;
    key.digest.fill(static_cast<std::uint8_t>(number));
    key.digest[0] = static_cast<std::uint8_t>(0xa0 + host);
    return key;
}

Key key_of(const SpkiHash& spki, Instant now) {
    Key key;
    key.spki = spki;
    key.description = "ECDSA P-256";
    key.generated = now;
    return key;
}

bool is_asked(What what) { return what == What::asked_roll || what == What::asked_emergency; }

bool failed(const Event& event) {
    const auto* written = std::get_if<TlsaWritten>(&event);
    const auto* deployed = std::get_if<Deployed>(&event);
    return (written != nullptr && written->failure) || (deployed != nullptr && deployed->failure);
}

} // namespace

std::string policy_name(std::size_t host) { return host == 0 ? "mx1.example.org" : "mx2.example.org"; }

bool& SmallWorld::gives_twice() {
    static thread_local bool twice = true;
    return twice;
}

// A writer a host keeps the text of keys, most of a document, which differ little from one world to the next.
std::string SmallWorld::document_of(const HostState& state, std::size_t host) {
    static thread_local std::array<agent::DocumentWriter, kHosts> writers;
    return writers[host].write(state);
}

std::array<std::uint64_t, kRules>& SmallWorld::checks() {
    static thread_local std::array<std::uint64_t, kRules> made{};
    return made;
}

SmallWorld::SmallWorld() {
    for (std::size_t each = 0; each < kHosts; ++each) {
        SmallHost& host = hosts_[each];
        host.file = key_number(each, ++host.keys_made);
        host.serving = {host.file, host.file};
    }
    for (std::size_t each = 0; each < kHosts; ++each) give(each, Started{});
}

std::optional<Broken> SmallWorld::make(const Move& move) {
    broken_.reset();
    answers_ = 0;
    ++order_;
    if (move == usual() && is_asked(move.what)) ++asked_;
    SmallHost& host = hosts_[move.host];
    const auto answer_write = [&](TlsaWritten::Outcome outcome, const char* why) {
        host.write.reset();
        give(move.host, TlsaWritten{outcome, why == nullptr ? std::nullopt : std::optional(Failure{why, 1min, false})});
    };
    const auto answer_deploy = [&](const Deploy& deploy, const char* why, bool file) {
        Deployed deployed;
        if (why != nullptr) deployed.failure = Failure{why, 1min, false};
        deployed.file_changed = file;
        if (file)
            for (const SpkiHash& key : deploy.keys) deployed.chains.push_back(chain_of(key));
        give(move.host, deployed);
    };
    switch (move.what) {
    case What::time_passes: pass_time(false); break;
    case What::time_passes_back: pass_time(true); break;
    case What::write_done: {
        const WriteTlsa write = *host.write;
        const bool swapped = write_now(move.host, write);
        swapped ? answer_write(TlsaWritten::Outcome::written, nullptr) : answer_write(TlsaWritten::Outcome::lost_race, "another RRset stands there");
        break;
    }
    case What::write_refused: answer_write(TlsaWritten::Outcome::failed, "refused"); break;
    case What::write_unheard: {
        const WriteTlsa write = *host.write;
        write_now(move.host, write);
        answer_write(TlsaWritten::Outcome::unknown, "no answer");
        break;
    }
    case What::write_late:
        host.late_write = host.write;
        answer_write(TlsaWritten::Outcome::unknown, "no answer");
        break;
    case What::late_write_arrives: {
        const WriteTlsa write = *std::exchange(host.late_write, std::nullopt);
        write_now(move.host, write);
        break;
    }
    case What::deploy_done:
    case What::deploy_halfway:
    case What::deploy_reload_fails:
    case What::deploy_refused: {
        const Deploy deploy = *host.deploy;
        const bool file = move.what != What::deploy_refused;
        const bool fails = move.what == What::deploy_refused || move.what == What::deploy_reload_fails;
        if (file) put_file(move.host, deploy);
        if (!fails) host.serving[0] = host.file;
        if (move.what == What::deploy_done) host.serving[1] = host.file;
        host.deploy.reset();
        answer_deploy(deploy, fails ? "reload failed" : nullptr, file);
        break;
    }
    case What::address_follows: host.serving = {host.file, host.file}; break;
    case What::secondary_lags: host.lags = true; break;
    case What::secondary_falls_back:
        host.lags = true;
        set_secondary(move.host, host.before, true);
        break;
    case What::secondary_follows:
        host.lags = false;
        set_secondary(move.host, host.primary, false);
        break;
    case What::address_gone: host.gone = true; break;
    case What::address_back: host.gone = host.gone_shown = false; break;
    case What::answers_held: host.held_back = true; break;
    case What::answers_arrive: {
        host.held_back = false;
        Answers answers = std::exchange(host.answers, {});
        if (answers.dns) answer_dns(move.host, std::move(*answers.dns));
        if (answers.wire) answer_wire(move.host, std::move(*answers.wire));
        break;
    }
    case What::killed_before: kill(false); break;
    case What::killed_after: kill(true); break;
    case What::asked_roll: give(move.host, OperatorRoll{RollKind::planned, std::nullopt, "operator", std::nullopt}); break;
    case What::asked_emergency: give(move.host, OperatorRoll{RollKind::emergency, std::nullopt, "operator", std::nullopt}); break;
    case What::asked_back: give(move.host, OperatorRollBack{"operator"}); break;
    }
    for (SmallHost& each : hosts_) std::erase_if(each.handed_out, [&](const HandedOut& version) { return !may_be_held(version); });
    return broken_;
}

// One decision after the other, until nothing is left to be answered at once.
void SmallWorld::give(std::size_t number, const Event& event) {
    SmallHost& host = hosts_[number];
    const bool switching = is_switching(host.state);
    const auto unhealthy = unhealthy_because(host.state, policy_of(number));
    const Decision decision = step(host.state, event, now_, policy_of(number), group_of(number));
    // Any event repeated changes nothing; but a failure told twice is two failures, and a second start says that what the first one began is unknown.
    if (gives_twice() && !failed(event) && !std::holds_alternative<Started>(event)) {
        ++checks()[static_cast<std::size_t>(Rule::repeated)];
        HostState twice = host.state;
        static_cast<void>(step(twice, event, now_, policy_of(number), group_of(number)));
        if (const auto once = document_of(host.state, number), again = document_of(twice, number); once != again) {
            const auto at = static_cast<std::size_t>(std::mismatch(once.begin(), once.end(), again.begin(), again.end()).first - once.begin());
            broken(Rule::repeated, fmt::format("event {} of {} given twice: '{}' becomes '{}'", event.index(), policy_name(number), once.substr(at < 60 ? 0 : at - 60, 120), again.substr(at < 60 ? 0 : at - 60, 120)));
        }
    }
    host.wake = decision.wake;
    if (host.state.roll && host.state.roll->verified) host.last_switch = std::max(host.last_switch.value_or(*host.state.roll->verified), *host.state.roll->verified);
    for (const Note& note : decision.notes) tell(note, number);
    follow(number, decision);
    look_at_group(number, switching != is_switching(host.state) || unhealthy != unhealthy_because(host.state, policy_of(number)));
}

void SmallWorld::follow(std::size_t number, const Decision& decision) {
    SmallHost& host = hosts_[number];
    // A host that has its answers waits for an instant or for an end; it does not ask again at once.
    if (decision.actions.empty()) return;
    ++checks()[static_cast<std::size_t>(Rule::comes_to_rest)];
    if (++answers_ > kAnswersMax) return broken(Rule::comes_to_rest, fmt::format("{} asks without end, now to {}", policy_name(number), to_string(task_of(decision.actions.back()))));
    for (const Action& action : decision.actions) {
        if (const auto* write = std::get_if<WriteTlsa>(&action)) begin_write(number, *write);
        if (const auto* deploy = std::get_if<Deploy>(&action)) begin_deploy(number, *deploy);
    }
    for (const Action& action : decision.actions) {
        now_ += kLook;
        if (std::holds_alternative<Observe>(action)) host.held_back ? void(host.answers.dns = observe(number)) : answer_dns(number, observe(number));
        if (std::holds_alternative<Probe>(action)) host.held_back ? void(host.answers.wire = probe(number)) : answer_wire(number, probe(number));
        if (std::holds_alternative<ValidateTime>(action)) give(number, TimeChecked{std::nullopt, Duration{0}});
        if (std::holds_alternative<GenerateKey>(action)) give(number, KeyGenerated{key_of(key_number(number, ++host.keys_made), now_), std::nullopt, Algorithm::ecdsa_p256});
        if (const auto* wanted = std::get_if<ObtainCertificate>(&action)) give(number, CertificateObtained{wanted->key, chain_of(wanted->key)});
        if (std::holds_alternative<ReadFile>(action)) {
            Key key = key_of(host.file, now_);
            key.adopted = true;
            key.chain = chain_of(host.file);
            give(number, FileRead{{key}, std::nullopt});
        }
    }
}

// Whoever waits for its turn hears that something changed (agent/runtime, tell_group).
void SmallWorld::look_at_group(std::size_t host, bool changed) {
    const std::size_t other = 1 - host;
    if (changed && wants_switch(hosts_[other].state)) hosts_[other].wake = now_;
}

Group SmallWorld::group_of(std::size_t host) const {
    const std::size_t other = 1 - host;
    Group group;
    if (is_switching(hosts_[other].state)) group.switching = policy_name(other);
    group.unhealthy = unhealthy_because(hosts_[other].state, policy_of(other));
    group.last_switch = hosts_[other].last_switch;
    return group;
}

void SmallWorld::pass_time(bool backwards) {
    std::optional<Instant> next;
    for (const SmallHost& host : hosts_)
        if (host.wake && (!next || *host.wake < *next)) next = host.wake;
    if (!next) return;
    now_ = std::max(now_, *next);
    const Instant due = now_;
    for (std::size_t turn = 0; turn < kHosts; ++turn) {
        const std::size_t each = backwards ? kHosts - 1 - turn : turn;
        if (hosts_[each].wake && *hosts_[each].wake <= due) give(each, TimeReached{});
    }
}

void SmallWorld::kill(bool after) {
    for (std::size_t each = 0; each < kHosts; ++each) {
        SmallHost& host = hosts_[each];
        if (after && host.write) host.late_write = host.write;
        if (after && host.deploy) put_file(each, *host.deploy);
        host.write.reset();
        host.deploy.reset();
        host.answers = {};
        host.held_back = false;
        auto stored = Json::parse(agent::to_document(host.state));
        auto state = agent::from_document(*stored);
        host.state = std::move(*state);
        host.wake.reset();
    }
    now_ += 2s;
    for (std::size_t each = 0; each < kHosts; ++each) give(each, Started{});
}

bool SmallWorld::steady() const {
    return std::all_of(hosts_.begin(), hosts_.end(), [](const SmallHost& host) {
        const bool ready = !host.state.lines.empty() && !host.state.lines.front().next.empty() && find_key(host.state, host.state.lines.front().next.front())->ready;
        return host.state.adopted && ready && !host.state.roll && host.state.requests.empty();
    });
}

} // namespace mxseal::small
