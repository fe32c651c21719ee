#include "tests/simulation/policy_world.hpp"

#include "rotation/mta_sts/cached.hpp"
#include "rotation/mta_sts/record.hpp"

#include <algorithm>
#include <array>
#include <ranges>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace mxseal::simulation {

using namespace rotation;
using namespace rotation::mta_sts;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t kLinesOfStory = 60;
const std::vector<std::string> kHosts{"mx1.example.org", "mx2.example.org", "mx3.example.net", "mx4.example.net"};

Values mx_of(const std::vector<std::string>& hosts) {
    Values values;
    for (const std::string& host : hosts) values.push_back("10 " + host);
    std::sort(values.begin(), values.end());
    return values;
}

} // namespace

PolicyWorld::PolicyWorld(PolicyWorldOptions options) : options_(options), random_(options.seed), now_(std::chrono::sys_days{std::chrono::year{2026} / 11 / 22}), began_(now_), clock_(*this) {
    const auto one_of = [this](auto... values) {
        const std::array all{values...};
        return all[below(all.size())];
    };
    agent::PolicySettings settings;
    settings.mode = Mode::testing;
    settings.max_age = one_of(6h, 48h, 240h);
    settings.manage_mx = draw(0.5);
    settings.txt_ttl = ttl_ = one_of(Ttl{300}, Ttl{3600});
    const dns::Name zone = *dns::Name::parse("example.org");
    config_.zones[zone] = {zone, {"provider"}, {}};
    agent::Timing& timing = config_.timing;
    timing.safety_margin = 10min;
    timing.resolver_min_ttl = one_of(Duration{10min}, Duration{1h});
    timing.stale_margin = one_of(Duration{0}, Duration{1h}, Duration{6h});
    timing.anycast_margin = one_of(Duration{0}, Duration{3min});
    timing.testing_for = timing.quiet_for = 24h;
    lag_ = one_of(Duration{1s}, Duration{2min});
    database_->on_write([this](std::string_view call) { return call == "commit" ? fate_of_write() : agent::WriteFate::carried_out; });
    Zone& first = new_zone(zone.text(), shares() ? std::vector{Type::txt} : std::vector{Type::txt, Type::mx}, 2 + below(2));
    replicas_.resize(1 + below(3));
    for (Duration floor : {Duration{0}, timing.resolver_min_ttl})
        for (Duration stale : {Duration{0}, timing.stale_margin}) resolvers_.push_back({floor, stale, {}});
    for (const std::string& host : {kHosts[0], kHosts[1]}) ready_from_[host] = now_;
    if (shares()) {
        make_customers(settings);
    } else {
        new_domain(first.name, first, settings);
        if (draw(0.3)) begin_with_foreign_policy();
    }
}

PolicyWorld::~PolicyWorld() = default;

PolicyWorld::Zone& PolicyWorld::new_zone(std::string name, std::vector<Type> types, std::size_t servers) {
    Zone& zone = zones_.emplace_back();
    zone.name = std::move(name);
    zone.number = zones_.size() - 1;
    zone.types = std::move(types);
    zone.servers.resize(servers);
    return zone;
}

PolicyWorld::MailDomain& PolicyWorld::new_domain(const std::string& name, Zone& zone, const agent::PolicySettings& settings) {
    MailDomain& domain = domains_.emplace_back();
    domain.name = name;
    domain.settings = settings;
    domain.settings.profile = name;
    domain.zone = &zone;
    for (Copy& server : zone.servers) server.rrsets[Type::mx] = mx_of({kHosts[0], kHosts[1]});
    for (std::size_t each = 0; each < 2 * resolvers_.size(); ++each) domain.senders.push_back({each % resolvers_.size(), each >= resolvers_.size(), std::nullopt, {}, {}});
    return domain;
}

// Somebody served a policy by hand before mxseal came, and goes on until mxseal serves its own; senders hold it.
void PolicyWorld::begin_with_foreign_policy() {
    MailDomain& domain = domains_.front();
    const PolicyBody body{Mode::enforce, 48h, {kHosts[0], kHosts[1]}};
    longest_max_age_ = body.max_age;
    published_[domain.name] = body.text();
    for (Replica& replica : replicas_) replica.bodies = published_;
    for (Copy& server : domain.zone->servers) server.rrsets[Type::txt] = {"v=STSv1; id=byhand;"};
    for (Sender& sender : domain.senders)
        if (draw(0.5)) sender.policy = Sender::Policy{body, "byhand", now_};
}

bool PolicyWorld::fault(double chance) {
    if (!options_.faults || calm_ || !draw(chance)) return false;
    ++counters_.faults;
    return true;
}

void PolicyWorld::tell(const std::string& line) {
    story_.push_back(to_rfc3339(now_) + "  " + line);
    if (story_.size() > kLinesOfStory) story_.erase(story_.begin());
}

void PolicyWorld::run_until(Instant end) {
    while (!violation_ && !happenings_.empty() && happenings_.top().at <= end) {
        Happening next = happenings_.top();
        happenings_.pop();
        now_ = next.at;
        ++counters_.events;
        next.what();
    }
    now_ = std::max(now_, end);
}

void PolicyWorld::run() {
    start_agent();
    mail();
    for (MailDomain& domain : domains_) after(between(1h, 48h), [this, &domain] { new_goal(domain); });
    if (shares()) begin_customers();
    if (options_.faults) trouble();
    after(30min, [this] { follow_advice(); });
    run_until(began_ + options_.length);
    calm_ = true;
    let_go();
    start_agent();
    come_to_rest();
    if (!violation_) judge_rest();
}

// Several domains ask many questions: days in which nothing is left to come are spared there.
void PolicyWorld::come_to_rest() {
    const Instant end = now_ + rest_bound();
    if (!shares()) return run_until(end);
    const auto rests = [&](const MailDomain& domain) { return keeper_ && keeper_->is_at_rest(domain.name); };
    for (int days = 0; !violation_ && days < 2 && now_ < end; ++days) {
        run_until(std::min(end, now_ + 24h));
        if (!std::all_of(domains_.begin(), domains_.end(), rests)) days = -1;
    }
}

// Nothing is in the way any more.
void PolicyWorld::let_go() {
    store_refuses_until_ = now_;
    if (skew_ != Duration{0}) step_clock(-skew_);
    for (Zone& zone : zones_)
        for (std::size_t server = 0; server < zone.servers.size(); ++server) {
            zone.servers[server].hidden_until = zone.servers[server].stuck_until = now_;
            if (server > 0) transfer(zone, server);
        }
    for (std::size_t each = 0; each < replicas_.size(); ++each) {
        replicas_[each].away_until = replicas_[each].late_until = now_;
        take_snapshot(each, generation_, published_);
    }
    for (MailDomain& domain : domains_)
        if (shares() && domain.stage == MailDomain::Stage::wanted) delegate(domain);
}

// What goes wrong by the clock.
void PolicyWorld::trouble() {
    after(between(30min, 24h), [this] {
        if (!calm_) trouble();
    });
    if (calm_) return;
    ++counters_.faults;
    Zone& zone = shares() ? zones_[below(zones_.size())] : zones_.front();
    const std::size_t server = below(zone.servers.size());
    const std::size_t replica = below(replicas_.size());
    switch (below(10)) {
    case 0: zone.servers[server].hidden_until = now_ + between(5min, 12h); return;
    case 1: zone.servers[server].stuck_until = server == 0 ? now_ : now_ + between(5min, 12h); return;
    case 2: replicas_[replica].away_until = now_ + between(5min, 12h); return;
    case 3: replicas_[replica].late_until = now_ + between(5min, 12h); return;
    case 4: {
        // A name server falls back to an older version of both.
        if (server == 0) return;
        const Duration lasts = between(5min, 6h);
        for (Type type : zone.types)
            if (draw(0.5)) fall_back(zone, server, type, 1 + below(3), lasts);
        return;
    }
    case 5: return kill_agent();
    case 6: return trouble_in_the_zone();
    case 9: return cut_off_sender();
    case 7: store_refuses_until_ = now_ + between(5s, 20min); return;
    case 8: {
        if (skew_ != Duration{0}) return;
        const Duration by = draw(0.7) ? between(10min, 72h) : -between(10min, 72h);
        step_clock(by);
        return after(between(10min, 6h), [this, by] {
            if (!calm_) step_clock(-by);
        });
    }
    default: return;
    }
}

void PolicyWorld::cut_off_sender() {
    MailDomain& domain = shares() ? domains_[below(domains_.size())] : domains_.front();
    Sender& sender = domain.senders[below(domain.senders.size())];
    sender.cut_off_until = now_ + between(1h, 12 * 24h);
}

// Somebody adds a host of his own to the MX RRset, beside the others (C-34), or edits the TXT record.
void PolicyWorld::trouble_in_the_zone() {
    if (draw(0.5)) {
        tell("FAULT somebody removes the TXT record");
        return set_primary(zones_.front(), Type::txt, {});
    }
    MailDomain& domain = shares() ? domains_[below(domains_.size())] : domains_.front();
    const std::string& host = kHosts[below(kHosts.size())];
    ready_from_.emplace(host, now_);
    Values mx = domain.zone->servers[0].rrsets[Type::mx];
    if (std::find(mx.begin(), mx.end(), "10 " + host) != mx.end() || now_ < ready_from_[host]) return;
    mx.push_back("10 " + host);
    std::sort(mx.begin(), mx.end());
    tell("FAULT somebody adds " + host + " to the MX RRset of " + domain.name);
    domain.foreign.insert(host);
    set_primary(*domain.zone, Type::mx, mx);
}

// Operators: what they want, and what they do when mxseal asks them to.
void PolicyWorld::new_goal(MailDomain& domain) {
    if (calm_) return;
    ++counters_.goals;
    agent::PolicySettings& settings = domain.settings;
    const auto modes = std::array{Mode::enforce, Mode::enforce, Mode::enforce, Mode::testing, Mode::none};
    if (draw(0.6)) settings.mode = modes[below(modes.size())];
    settings.at_once = draw(0.6);
    if (draw(0.7)) {
        settings.mx_goal.clear();
        // Often all hosts at once are to be others (C-32).
        const auto current = hosts_of(domain.zone->servers[0].rrsets[Type::mx]);
        const bool replace = draw(0.4);
        for (const std::string& host : kHosts) {
            if (replace ? std::find(current.begin(), current.end(), host) != current.end() : !draw(0.4)) continue;
            settings.mx_goal.push_back(*dns::Name::parse(host));
            ready_from_.emplace(host, now_ + between(0s, 24h));
        }
    }
    if (draw(0.2)) settings.max_age = std::array<std::chrono::seconds, 3>{6h, 48h, 240h}[below(3)];
    longest_max_age_ = std::max(longest_max_age_, settings.max_age);
    tell(fmt::format("the goal of {} is mode {}{}, max_age {}, MX {{{}}}", domain.name, mta_sts::to_string(settings.mode), settings.at_once ? " at once" : "",
                     mxseal::to_string(Duration{settings.max_age}), fmt::join(settings.mx_goal | std::views::transform([](const dns::Name& name) { return name.text(); }), ", ")));
    in_life(life_, [&] { want(domain); });
    after(between(6h, 24h * 8), [this, &domain] { new_goal(domain); });
}

void PolicyWorld::follow_advice() {
    after(between(1min, 1h), [this] { follow_advice(); });
    for (MailDomain& domain : domains_) {
        if (!keeper_ || domain.settings.manage_mx) continue;
        const auto ask = keeper_->report_of(domain.name)["ask"].as_string().value_or("");
        settled();
        follow_advice(domain, ask);
    }
}

// "add mx3.example.net, mx4.example.net to the MX RRset; ..": what the operator is told is what he does, sooner or later.
void PolicyWorld::follow_advice(MailDomain& domain, const std::string& ask) {
    if (ask.find("remove the CNAME") != std::string::npos) return set_primary(*domain.zone, Type::alias, {});
    Values mx = domain.zone->servers[0].rrsets[Type::mx];
    for (const std::string verb : {"add ", "remove "}) {
        const auto from = ask.find(verb + "mx");
        if (from == std::string::npos) continue;
        const std::string named = ask.substr(from, ask.find(" the MX RRset", from) - from);
        for (const std::string& host : kHosts) {
            if (named.find(host) == std::string::npos) continue;
            std::erase(mx, "10 " + host);
            if (verb == "add ") mx.push_back("10 " + host);
        }
    }
    std::sort(mx.begin(), mx.end());
    if (mx == domain.zone->servers[0].rrsets[Type::mx] || mx.empty()) return;
    ++counters_.mx_changes;
    set_primary(*domain.zone, Type::mx, mx);
}

} // namespace mxseal::simulation
