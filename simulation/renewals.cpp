// What the CA says about the renewal of its certificates (RFC 9773), how it revokes by it, and whether mxseal heeds that.
#include "simulation/world.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace mxseal::simulation {

using namespace rotation;
using namespace rotation::tlsa;
using namespace std::chrono_literals;

namespace {

// requirements E-13: how long mxseal may leave the CA alone after an answer, and how young a certificate is that it keeps all the same.
constexpr Duration kAskLeast = 1min, kAskMost = 24h, kAskAfterNothing = 6h, kYoung = 24h;
// One answer, an order of half a minute for each of four keys, a look and a deployment.
constexpr Duration kWork = 1h;
constexpr Duration kUnansweredLeast = 1s, kUnansweredMost = 30s;

// The CA's own choices: of one certificate always the same, whoever asks when.
class Choices {
public:
    explicit Choices(const std::string& text) : digest_(sha256(view_of(text))) {}
    double uniform() { // [0, 1), at most sixteen times
        const std::size_t at = 2 * next_++;
        return (digest_.at(at) * 256.0 + digest_.at(at + 1)) / 65536;
    }

private:
    std::array<std::uint8_t, 32> digest_;
    std::size_t next_ = 0;
};

Duration part_of(Duration whole, double part) { return Duration{static_cast<Duration::rep>(static_cast<double>(whole.count()) * part)}; }

// Mostly in the last third of the lifetime, at times long before; moved by hours as time goes by.
RenewalWindow window_of(const Chain& chain, Choices choices, Instant now) {
    const Duration lifetime = chain.not_after - chain.not_before;
    const bool early = choices.uniform() < 0.1;
    const double from = early ? 0.2 + 0.4 * choices.uniform() : 0.67 + 0.2 * choices.uniform();
    const auto quarter = static_cast<int>(4 * (now - chain.not_before) / lifetime);
    const Instant start = chain.not_before + part_of(lifetime, from) + part_of(12h, choices.uniform()) * quarter;
    return {start, start + part_of(lifetime, 0.03)};
}

RenewalWindow garbage(double which, Instant now) {
    if (which < 0.25) return {now + 24h, now - 24h};
    if (which < 0.5) return {now, now};
    if (which < 0.75) return {Instant{}, Instant{} + 24h};
    return {now + 24h * 36'500, now + 24h * 36'501};
}

Duration pause_after(const RenewalInfoTold& told) {
    const Duration wanted = std::clamp(told.retry_after.value_or(kAskAfterNothing), kAskLeast, kAskMost);
    const bool usable = told.window && told.window->start < told.window->end;
    return usable ? wanted : std::max(wanted, kAskAfterNothing);
}

} // namespace

RenewalInfoTold World::renewal_info_of(const AskRenewalInfo& wanted, int serial) {
    RenewalInfoTold told;
    told.key = wanted.key;
    told.certificate = wanted.certificate;
    if (serial == 0) {
        told.trouble = "the CA did not issue this certificate";
        return told;
    }
    Choices choices(fmt::format("renewal of {} {} of seed {}", wanted.key.hex(), serial, options_.seed));
    told.retry_after = 1h + part_of(5h, choices.uniform());
    told.window = window_of(chain_of(wanted.key, serial), choices, clock_.wall());
    if (revoked_.contains({wanted.key, serial})) {
        told.window = RenewalWindow{clock_.wall() - 48h, clock_.wall() - 24h};
        told.explanation = "https://ca.example.net/revoked";
    }
    if (const auto strike = fate_.draw(Fault::renewal_info_garbage, now())) {
        told.window = garbage(fate_.measure(*strike, 0), clock_.wall());
        if (fate_.measure(*strike, 1) < 0.5) told.retry_after = fate_.measure(*strike, 2) < 0.5 ? Duration{0} : Duration{365 * 24h};
    }
    told.drawn = told.window->start + part_of(std::max(told.window->end - told.window->start, Duration{0}), fate_.uniform());
    return told;
}

void World::tell_renewal_info(std::size_t host, const AskRenewalInfo& wanted) {
    const bool silent = fate_.draw(Fault::renewal_info_silent, now()).has_value();
    after(silent ? latency(kUnansweredLeast, kUnansweredMost) : latency(20ms, 2s), [this, host, wanted, silent, life = life_] {
        if (life != life_) return;
        int serial = serials_.contains(wanted.key) ? serials_.at(wanted.key) : 0;
        while (serial > 0 && chain_of(wanted.key, serial).certificates.front().certificate_sha256 != wanted.certificate) --serial;
        RenewalInfoTold told;
        if (silent) {
            told.key = wanted.key;
            told.certificate = wanted.certificate;
            told.trouble = "no answer";
        } else {
            told = renewal_info_of(wanted, serial);
        }
        // Until it asks again it cannot know better; once told that the window is over, it knows. Also where the store says no, or the agent dies
        // of it: what it was told may have been written all the same.
        const bool over = told.window && told.window->start < told.window->end && told.window->end <= clock_.wall();
        if (runtime_ && !over) asked_again_by_[{wanted.key, serial}] = now() + pause_after(told);
        tell_agent(life, hosts_[host].name, std::move(told));
    });
}

void World::revoke(const Strike& strike, std::size_t host) {
    // One certificate of a host, or all that the CA has issued.
    const bool all = fate_.measure(strike, 4) < 0.3;
    if (all) revoked_.insert(serials_.begin(), serials_.end());
    for (std::size_t each = 0; each < hosts_.size(); ++each) {
        if ((!all && each != host) || is_clients(each)) continue; // whose client hears of it
        for (const SpkiHash& key : hosts_[each].file) {
            const auto serial = serials_.find(key);
            if (serial == serials_.end()) continue;
            revoked_.insert(*serial);
            const Revocation revoked{each, key, serial->second, now()};
            if (setting_.config.acme.empty() || !serves(revoked)) continue;
            revocations_.push_back(revoked);
            at(renewal_deadline(revoked), [this, revoked] { judge_renewal(revoked); });
        }
    }
}

bool World::serves(const Revocation& revoked) {
    const MailHost& model = hosts_[revoked.host];
    if (std::find(model.file.begin(), model.file.end(), revoked.key) == model.file.end()) return false;
    return model.certificates.at(revoked.key).certificates == chain_of(revoked.key, revoked.serial).certificates;
}

void World::expect_order(std::size_t host, Instant answered, const std::optional<Failure>& refused) {
    // mxseal's own back-off grows up to monitor_every.
    const Duration again = refused ? std::max(refused->retry_after.value_or(Duration{0}), setting_.config.timing.monitor_every) : Duration{0};
    memory_[host].orders_again_by = std::max(memory_[host].orders_again_by, answered + again);
}

// The CA is asked again when its last answer said so, or after the trouble that came between; an order follows when the CA takes one, and a
// deployment that failed is tried again within monitor_every.
Instant World::renewal_deadline(const Revocation& revoked) {
    const Chain& chain = chain_of(revoked.key, revoked.serial);
    const auto asked = asked_again_by_.find({revoked.key, revoked.serial});
    Instant latest = std::max({revoked.at, last_trouble() + setting_.config.timing.monitor_every, chain.not_before + kYoung, memory_[revoked.host].orders_again_by});
    if (asked != asked_again_by_.end()) latest = std::max(latest, asked->second);
    return latest + clock_stepped_ + kWork;
}

void World::judge_renewal(const Revocation& revoked) {
    // Another key, or another certificate: by a renewal or by a hand that is not mxseal's.
    if (!serves(revoked)) return judge_.checked(Check::renewed);
    if (const Instant deadline = renewal_deadline(revoked); now() < deadline) return at(deadline, [this, revoked] { judge_renewal(revoked); });
    // A halted host may be in the middle of a switch, whose files wait for an operator.
    if (const Instant later = now() + 1h; !runtime_ || is_halted(revoked.host)) return at(later, [this, revoked] { judge_renewal(revoked); });
    judge_.checked(Check::renewed);
    judge_.violated(Check::renewed, hosts_[revoked.host].name, now(),
                    fmt::format("certificate {} of key {} was revoked {} ago and is still served", revoked.serial, revoked.key.short_hex(), mxseal::to_string(now() - revoked.at)));
}

bool World::is_halted(std::size_t host) {
    const Json status = runtime_->status();
    return std::any_of(status["hosts"].items().begin(), status["hosts"].items().end(),
                       [&](const Json& each) { return each["host"].as_string() == hosts_[host].name && each["state"].as_string() == "halted"; });
}

void World::await_renewals() {
    for (const Revocation& revoked : std::vector<Revocation>(revocations_))
        if (judge_.clean() && serves(revoked)) run_until(renewal_deadline(revoked) + 1s);
}

} // namespace mxseal::simulation
