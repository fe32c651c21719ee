#include "tests/simulation/policy_world.hpp"

#include "rotation/mta_sts/cached.hpp"
#include "rotation/mta_sts/record.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace mxseal::simulation {

using namespace rotation;
using namespace rotation::mta_sts;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t kLinesOfStory = 60;
constexpr const char* kDomain = "example.org";
const std::vector<std::string> kHosts{"mx1.example.org", "mx2.example.org", "mx3.example.net", "mx4.example.net"};

Values mx_of(const std::vector<std::string>& hosts) {
    Values values;
    for (const std::string& host : hosts) values.push_back("10 " + host);
    std::sort(values.begin(), values.end());
    return values;
}

std::optional<std::string> only_id(const Values& txt) {
    std::optional<std::string> id;
    for (const std::string& value : txt) {
        if (!is_sts(value)) continue;
        if (id) return std::nullopt;
        id = id_of(value);
    }
    return id;
}

} // namespace

PolicyWorld::PolicyWorld(PolicyWorldOptions options) : options_(options), random_(options.seed), now_(std::chrono::sys_days{std::chrono::year{2026} / 11 / 22}), began_(now_) {
    const auto one_of = [this](auto... values) {
        const std::array all{values...};
        return all[below(all.size())];
    };
    policy_.domain = kDomain;
    policy_.mode = Mode::testing;
    policy_.max_age = one_of(6h, 48h, 240h);
    policy_.manage_mx = draw(0.5);
    policy_.txt_ttl = ttl_ = one_of(Ttl{300}, Ttl{3600});
    policy_.safety_margin = 10min;
    policy_.resolver_min_ttl = one_of(Duration{10min}, Duration{1h});
    policy_.stale_margin = one_of(Duration{0}, Duration{1h}, Duration{6h});
    policy_.anycast_margin = one_of(Duration{0}, Duration{3min});
    policy_.policy_refresh = 24h;
    policy_.testing_for = policy_.quiet_for = 24h;
    lag_ = one_of(Duration{1s}, Duration{2min});
    servers_.resize(2 + below(2));
    replicas_.resize(1 + below(3));
    for (Copy& server : servers_) server.rrsets[Type::mx] = mx_of({kHosts[0], kHosts[1]});
    for (Duration floor : {Duration{0}, policy_.resolver_min_ttl})
        for (Duration stale : {Duration{0}, policy_.stale_margin}) resolvers_.push_back({floor, stale, {}});
    for (std::size_t each = 0; each < 2 * resolvers_.size(); ++each) senders_.push_back({each % resolvers_.size(), each >= resolvers_.size(), std::nullopt, {}});
    for (const std::string& host : {kHosts[0], kHosts[1]}) ready_from_[host] = now_;
    if (draw(0.3)) begin_with_foreign_policy();
}

// Somebody served a policy by hand before mxseal came, and goes on until mxseal serves its own; senders hold it.
void PolicyWorld::begin_with_foreign_policy() {
    const PolicyBody body{Mode::enforce, 48h, {kHosts[0], kHosts[1]}};
    longest_max_age_ = body.max_age;
    published_ = body.text();
    for (Replica& replica : replicas_) replica.body = published_;
    for (Copy& server : servers_) server.rrsets[Type::txt] = {"v=STSv1; id=byhand;"};
    for (Sender& sender : senders_)
        if (draw(0.5)) sender.policy = Sender::Policy{body, "byhand", now_};
}

bool PolicyWorld::fault(double chance) {
    if (!options_.faults || calm_ || !draw(chance)) return false;
    ++counters_.faults;
    return true;
}

void PolicyWorld::violated(std::string check, std::string text) {
    if (violation_) return;
    tell("VIOLATION " + check + ": " + text);
    violation_ = PolicyViolation{std::move(check), now_, std::move(text)};
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
    after(between(1h, 48h), [this] { new_goal(); });
    if (options_.faults) trouble();
    after(30min, [this] { follow_advice(); });
    run_until(began_ + options_.length);
    calm_ = true;
    for (std::size_t server = 0; server < servers_.size(); ++server) {
        servers_[server].hidden_until = servers_[server].stuck_until = now_;
        if (server > 0) transfer(server);
    }
    for (std::size_t each = 0; each < replicas_.size(); ++each) {
        replicas_[each].away_until = replicas_[each].late_until = now_;
        take_snapshot(each, generation_, published_);
    }
    start_agent();
    run_until(now_ + rest_bound());
    if (!violation_) judge_rest();
}

// The agent: stored state, decisions, the end of its acts.

void PolicyWorld::start_agent() {
    if (alive_) return;
    alive_ = true;
    ++life_;
    state_ = stored_;
    // The runtime writes the snapshot from what is stored.
    if (state_.serving || generation_ > 0) publish(state_.serving ? std::optional(state_.serving->body.text()) : std::nullopt);
    process(Started{});
}

void PolicyWorld::kill_agent() {
    if (!alive_) return;
    alive_ = false;
    ++life_;
    ++counters_.kills;
    tell("FAULT mxseal is killed");
    after(draw(0.2) ? between(1h, 12h) : between(1s, 5min), [this] { start_agent(); });
}

Surroundings PolicyWorld::surroundings() const {
    Surroundings around;
    for (const auto& [host, ready] : ready_from_) around.hosts.push_back({host, now_ >= ready, now_ >= ready, "its TLSA records are being published"});
    return around;
}

void PolicyWorld::process(const Event& event) {
    if (!alive_) return;
    Decision decision = step(state_, event, now_, policy_, surroundings());
    if (fault(0.0005)) return kill_agent(); // before it was stored
    stored_ = state_;
    for (const Note& note : decision.notes) {
        tell(note.event + " " + note.sentence);
        // The former id comes back when senders are about to be sent elsewhere.
        if (note.event == "policy.announced" && fault(0.3))
            after(policy_.policy_refresh - between(10min, 3h), [this] { fall_back(1 + below(servers_.size() - 1), Type::txt, 1, between(1h, 12h)); });
    }
    if (fault(0.0005)) return kill_agent(); // before anything was begun
    last_ = decision;
    if (decision.wake)
        at(std::max(*decision.wake, now_), [this, life = life_, wake = *decision.wake] {
            if (life == life_ && last_.wake == wake) process(TimeReached{});
        });
    for (const Action& action : decision.actions) perform(action);
}

void PolicyWorld::deliver(std::size_t life, Event event) {
    if (life == life_ && alive_) process(event);
}

void PolicyWorld::perform(const Action& action) {
    if (std::holds_alternative<Observe>(action)) return observe();
    if (std::holds_alternative<Fetch>(action)) return fetch();
    if (const auto* serve = std::get_if<Serve>(&action)) {
        if (fault(0.02)) return after(between(1s, 10s), [this, life = life_, intent = serve->intent] {
                deliver(life, Served{Failure{"the snapshot cannot be written", std::nullopt, false}, 0, intent});
            });
        return after(between(100ms, 3s), [this, life = life_, intent = serve->intent] {
            if (life != life_) return;
            // As the runtime does: a snapshot holds what is stored when it is written, not what one action once said.
            publish(stored_.serving ? std::optional(stored_.serving->body.text()) : std::nullopt);
            deliver(life, Served{std::nullopt, generation_, intent});
        });
    }
    if (const auto* txt = std::get_if<WriteTxt>(&action)) return write(Type::txt, txt->base, txt->target);
    const auto& mx = std::get<WriteMx>(action);
    write(Type::mx, mx.base, mx.target);
}

RrsetObservation PolicyWorld::look_at(Type type) {
    RrsetObservation seen;
    for (std::size_t number = 0; number < servers_.size(); ++number) {
        RrsetAnswer answer{fmt::format("ns{}.example.net", number + 1), fmt::format("192.0.2.{}", number + 1), false, {}, Ttl{0}, "no answer"};
        if (now_ >= servers_[number].hidden_until && !fault(0.005)) {
            answer.answered = true;
            answer.values = servers_[number].rrsets[type];
            answer.ttl = ttl_;
        }
        seen.servers.push_back(std::move(answer));
    }
    if (seen.servers.front().answered) seen.primary = seen.servers.front().values;
    return seen;
}

void PolicyWorld::observe() {
    DnsObservation seen;
    seen.started = now_;
    after(between(10ms, 500ms), [this, seen, life = life_]() mutable {
        seen.txt = look_at(Type::txt);
        seen.mx = look_at(Type::mx);
        seen.finished = now_;
        after(between(1ms, 500ms), [this, seen, life] { deliver(life, Observed{seen}); });
    });
}

void PolicyWorld::fetch() {
    FetchRound seen;
    seen.started = now_;
    after(between(10ms, 500ms), [this, seen, life = life_]() mutable {
        for (std::size_t number = 0; number < replicas_.size(); ++number) {
            PolicyFetch one{fmt::format("198.51.100.{}", number + 1), std::nullopt, std::nullopt, "connection refused"};
            if (now_ >= replicas_[number].away_until && !fault(0.005)) {
                one.body = replicas_[number].body;
                one.generation = replicas_[number].generation;
            }
            if (!one.body && now_ >= replicas_[number].away_until) one.detail = "unrecognized name";
            seen.fetches.push_back(std::move(one));
        }
        seen.finished = now_;
        after(between(1ms, 500ms), [this, seen, life] { deliver(life, Fetched{seen}); });
    });
}

void PolicyWorld::publish(std::optional<std::string> body) {
    if (published_ != body || generation_ == 0) {
        ++generation_;
        ++counters_.bodies;
    }
    published_ = body;
    for (std::size_t each = 0; each < replicas_.size(); ++each) {
        const Duration takes = fault(0.1) ? between(1min, 12h) : between(10ms, 5s);
        after(takes, [this, each, generation = generation_, body] { take_snapshot(each, generation, body); });
    }
}

void PolicyWorld::take_snapshot(std::size_t replica, std::size_t generation, const std::optional<std::string>& body) {
    Replica& model = replicas_[replica];
    if (generation <= model.generation) return;
    if (now_ < model.late_until) return at(model.late_until, [this, replica, generation, body] { take_snapshot(replica, generation, body); });
    before_change();
    model.generation = generation;
    model.body = body;
}

void PolicyWorld::write(Type type, const Values& base, const Values& target) {
    if (type == Type::txt)
        if (const auto id = only_id(target); id && state_.serving) {
            // An id stands for one body for ever (C-05, C-06).
            const auto known = id_generation_.emplace(*id, generation_);
            if (known.second) ++counters_.ids;
            if (!known.second && known.first->second != generation_) violated("id", fmt::format("id {} is written for another body than before", *id));
        }
    if (type == Type::mx) ++counters_.mx_changes;
    const bool lost = fault(0.05), never = !lost && fault(0.05), late = !lost && !never && fault(0.05);
    const auto ended = [this, type, life = life_](std::optional<Failure> failure) {
        if (type == Type::txt) return deliver(life, TxtWritten{std::move(failure)});
        deliver(life, MxWritten{std::move(failure)});
    };
    const Failure timeout{"no answer from the provider", std::nullopt, false};
    const Duration takes = between(50ms, 3s);
    if (never) return after(30s, [ended, timeout] { ended(timeout); });
    after(late ? between(1min, 3h) : takes, [this, type, base, target, ended, lost, late] {
        if (servers_[0].rrsets[type] != base) {
            if (!lost && !late) ended(Failure{"another hand changed the RRset", std::nullopt, false});
            return;
        }
        set_primary(type, target);
        if (!lost && !late) ended(std::nullopt);
    });
    if (lost || late) after(30s, [ended, timeout] { ended(timeout); });
}

// Name servers, resolvers and senders.

void PolicyWorld::set_primary(Type type, const Values& values) {
    before_change();
    tell(fmt::format("{} is now {{{}}}", type == Type::txt ? "TXT" : "MX", fmt::join(values, ", ")));
    history_[type].push_back(servers_[0].rrsets[type]);
    servers_[0].rrsets[type] = values;
    if (type == Type::txt) judge_id(values);
    for (std::size_t server = 1; server < servers_.size(); ++server) {
        const Duration takes = fault(0.1) ? between(1min, 6h) : between(0s, lag_);
        after(takes, [this, server] { transfer(server); });
    }
}

void PolicyWorld::transfer(std::size_t server) {
    Copy& copy = servers_[server];
    if (now_ < copy.stuck_until) return at(copy.stuck_until, [this, server] { transfer(server); });
    if (copy.rrsets == servers_[0].rrsets) return;
    before_change();
    copy.rrsets = servers_[0].rrsets;
}

// The worst moment for a cache to be filled is right before something changes; some senders ask then.
void PolicyWorld::before_change() {
    for (Resolver& resolver : resolvers_)
        if (draw(0.3)) resolver.entries.clear();
    for (Sender& sender : senders_)
        if (draw(0.5)) send(sender);
}

const Values& PolicyWorld::ask(std::size_t resolver, Type type) {
    Resolver& model = resolvers_[resolver];
    auto found = model.entries.find(type);
    if (found != model.entries.end()) {
        const Instant expires = found->second.fetched + std::max<Duration>(ttl_, model.floor);
        if (now_ < expires || (now_ < expires + model.stale && draw(0.7))) return found->second.values;
    }
    const Copy& server = servers_[below(servers_.size())];
    const auto rrset = server.rrsets.find(type);
    model.entries[type] = {rrset == server.rrsets.end() ? Values{} : rrset->second, now_};
    return model.entries[type].values;
}

// RFC 8461 section 3.3 and 5.1: a policy is fetched when there is none, or when the id is another one; a failure leaves the cached one.
void PolicyWorld::refresh(Sender& sender) {
    sender.checked = now_;
    const auto id = only_id(ask(sender.resolver, Type::txt));
    const bool expired = !sender.policy || now_ >= sender.policy->fetched + sender.policy->body.max_age;
    if (!id || (!expired && sender.policy->id == *id)) return;
    const Replica& replica = replicas_[below(replicas_.size())];
    if (now_ < replica.away_until || !replica.body) return;
    auto body = parse_body(*replica.body);
    if (!body.ok()) return violated("delivery", "the endpoint serves a body that cannot be read: " + body.error().to_string());
    sender.policy = Sender::Policy{*body, *id, now_};
}

bool PolicyWorld::attempt(Sender& sender) {
    const auto hosts = hosts_of(ask(sender.resolver, Type::mx));
    const bool holds = sender.policy && now_ < sender.policy->fetched + sender.policy->body.max_age;
    return std::any_of(hosts.begin(), hosts.end(), [&](const std::string& host) {
        const auto exists = ready_from_.find(host);
        if (exists == ready_from_.end() || now_ < exists->second) return false;
        return !holds || sender.policy->body.mode != Mode::enforce || covers(sender.policy->body, host);
    });
}

void PolicyWorld::send(Sender& sender) {
    ++counters_.deliveries;
    const bool expired = !sender.policy || now_ >= sender.policy->fetched + sender.policy->body.max_age;
    if (expired || !sender.lazy || now_ >= sender.checked + 24h) refresh(sender);
    // Section 5.1: before mail is given up the id is looked at again; here as soon as one host is not covered.
    if (!uncovered(sender).empty() || !attempt(sender)) {
        ++counters_.rechecks;
        refresh(sender);
    }
    if (!attempt(sender)) return undeliverable(sender);
    const auto hosts = uncovered(sender);
    const bool can_fetch = std::all_of(replicas_.begin(), replicas_.end(), [&](const Replica& replica) { return now_ >= replica.away_until && replica.body; });
    const bool withdrawn = !state_.serving || state_.serving->body.mode == Mode::none;
    if (hosts.empty() || (!can_fetch && !withdrawn)) return;
    violated("coverage", fmt::format("{{{}}} stand in the MX RRset and a sender that has just looked at the id again holds the policy {{{}}}, id {}", fmt::join(hosts, ", "),
                                     fmt::join(sender.policy->body.mx, ", "), sender.policy->id));
}

// INV-5, the target: hosts in the MX RRset that the policy of the sender does not cover, and that no foreign hand has put there.
std::vector<std::string> PolicyWorld::uncovered(const Sender& sender) {
    std::vector<std::string> hosts;
    const bool holds = sender.policy && now_ < sender.policy->fetched + sender.policy->body.max_age && sender.policy->body.mode == Mode::enforce;
    if (!holds) return hosts;
    for (const std::string& host : hosts_of(ask(sender.resolver, Type::mx)))
        if (!covers(sender.policy->body, host) && !foreign_.contains(host)) hosts.push_back(host);
    return hosts;
}

void PolicyWorld::undeliverable(const Sender& sender) {
    violated("delivery", fmt::format("a sender finds {{{}}} in the MX RRset and holds the policy {{{}}} of mode {}, id {}", fmt::join(ask(sender.resolver, Type::mx), ", "),
                                     sender.policy ? fmt::format("{}", fmt::join(sender.policy->body.mx, ", ")) : "", sender.policy ? mta_sts::to_string(sender.policy->body.mode) : "none",
                                     sender.policy ? sender.policy->id : ""));
}

void PolicyWorld::mail() {
    send(senders_[below(senders_.size())]);
    after(between(5min, 30min), [this] { mail(); });
}

// A foreign hand that brings back an MX RRset which the policies of today do not cover breaks mail whatever mxseal does.
bool PolicyWorld::breaks_somebody(const Values& mx) const {
    const auto hosts = hosts_of(mx);
    const auto covered = [&](const PolicyBody& body) {
        return body.mode != Mode::enforce || std::any_of(hosts.begin(), hosts.end(), [&](const std::string& host) { return covers(body, host); });
    };
    for (const std::optional<std::string>& text : {published_, replicas_.front().body, replicas_.back().body})
        if (text && !covered(*parse_body(*text))) return true;
    return std::any_of(senders_.begin(), senders_.end(), [&](const Sender& sender) { return sender.policy && !covered(sender.policy->body); });
}

void PolicyWorld::fall_back(std::size_t server, Type type, std::size_t versions, Duration lasts) {
    const auto& known = history_[type];
    if (calm_ || known.size() < versions) return;
    const Values& old = known[known.size() - versions];
    if (type == Type::mx && breaks_somebody(old)) return;
    before_change();
    servers_[server].rrsets[type] = old;
    if (type == Type::mx)
        for (const std::string& host : hosts_of(old)) foreign_.insert(host);
    tell(fmt::format("FAULT ns{} answers with {{{}}} again", server + 1, fmt::join(old, ", ")));
    after(lasts, [this, server] { transfer(server); });
}

// What goes wrong by the clock.
void PolicyWorld::trouble() {
    after(between(30min, 24h), [this] {
        if (!calm_) trouble();
    });
    if (calm_) return;
    ++counters_.faults;
    const std::size_t server = below(servers_.size());
    const std::size_t replica = below(replicas_.size());
    switch (below(7)) {
    case 0: servers_[server].hidden_until = now_ + between(5min, 12h); return;
    case 1: servers_[server].stuck_until = server == 0 ? now_ : now_ + between(5min, 12h); return;
    case 2: replicas_[replica].away_until = now_ + between(5min, 12h); return;
    case 3: replicas_[replica].late_until = now_ + between(5min, 12h); return;
    case 4: {
        // A name server falls back to an older version of both.
        if (server == 0) return;
        const Duration lasts = between(5min, 6h);
        for (Type type : {Type::txt, Type::mx})
            if (draw(0.5)) fall_back(server, type, 1 + below(3), lasts);
        return;
    }
    case 5: return kill_agent();
    case 6: {
        // Somebody adds a host of his own to the MX RRset, beside the others (C-34), or edits the TXT record.
        if (draw(0.5)) {
            const std::string& host = kHosts[below(kHosts.size())];
            ready_from_.emplace(host, now_);
            Values mx = servers_[0].rrsets[Type::mx];
            if (std::find(mx.begin(), mx.end(), "10 " + host) != mx.end() || now_ < ready_from_[host]) return;
            mx.push_back("10 " + host);
            std::sort(mx.begin(), mx.end());
            tell("FAULT somebody adds " + host + " to the MX RRset");
            foreign_.insert(host);
            return set_primary(Type::mx, mx);
        }
        tell("FAULT somebody removes the TXT record");
        return set_primary(Type::txt, {});
    }
    default: return;
    }
}

// Operators: what they want, and what they do when mxseal asks them to.
void PolicyWorld::new_goal() {
    if (calm_) return;
    ++counters_.goals;
    const auto modes = std::array{Mode::enforce, Mode::enforce, Mode::enforce, Mode::testing, Mode::none};
    if (draw(0.6)) policy_.mode = modes[below(modes.size())];
    policy_.at_once = draw(0.6);
    if (draw(0.7)) {
        policy_.mx_goal.clear();
        // Often all hosts at once are to be others (C-32).
        const auto current = hosts_of(servers_[0].rrsets[Type::mx]);
        const bool replace = draw(0.4);
        for (const std::string& host : kHosts)
            if (replace ? std::find(current.begin(), current.end(), host) == current.end() : draw(0.4)) policy_.mx_goal.push_back(host);
        for (const std::string& host : policy_.mx_goal) ready_from_.emplace(host, now_ + between(0s, 24h));
    }
    if (draw(0.2)) policy_.max_age = std::array<std::chrono::seconds, 3>{6h, 48h, 240h}[below(3)];
    longest_max_age_ = std::max(longest_max_age_, policy_.max_age);
    tell(fmt::format("the goal is mode {}{}, max_age {}, MX {{{}}}", mta_sts::to_string(policy_.mode), policy_.at_once ? " at once" : "", mxseal::to_string(Duration{policy_.max_age}),
                     fmt::join(policy_.mx_goal, ", ")));
    process(PolicyChanged{});
    after(between(6h, 24h * 8), [this] { new_goal(); });
}

void PolicyWorld::follow_advice() {
    if (alive_ && last_.ask && servers_[0].rrsets[Type::mx] == last_.ask->base) {
        ++counters_.mx_changes;
        set_primary(Type::mx, last_.ask->target);
    }
    after(between(1min, 1h), [this] { follow_advice(); });
}

// Judging.

// P2, C-28: when any name server answers with an id, every replica serves the body that it announces, or a newer one, or nothing.
void PolicyWorld::judge_id(const Values& txt) {
    const auto id = only_id(txt);
    if (!id) return;
    const auto announced = id_generation_.find(*id);
    if (announced == id_generation_.end()) return;
    for (std::size_t each = 0; each < replicas_.size(); ++each)
        if (replicas_[each].generation < announced->second && replicas_[each].body)
            violated("order", fmt::format("id {} is live while replica {} serves an older policy", *id, each + 1));
}

Duration PolicyWorld::rest_bound() const {
    const Duration hold = std::max<Duration>(ttl_, policy_.resolver_min_ttl) + policy_.safety_margin + policy_.stale_margin;
    const Duration announce = 2h + hold + policy_.policy_refresh;
    return 2 * Duration{std::max<std::chrono::seconds>(longest_max_age_, 24h)} + policy_.testing_for + 3 * policy_.quiet_for + 6 * announce + 48h;
}

void PolicyWorld::judge_rest() {
    const auto wrong = [&](const std::string& what) {
        violated("liveness", fmt::format("{} at rest: {}{}", what, last_.reason.sentence(), last_.page.empty() ? "" : "; " + last_.page));
    };
    if (policy_.mode == Mode::none) {
        if (state_.serving) return wrong("a policy is still served");
        if (only_id(servers_[0].rrsets[Type::txt])) return wrong("the TXT record is still there");
    } else {
        if (!state_.serving || state_.serving->body.mode != policy_.mode) return wrong("the mode is not the one that is wanted");
        if (policy_.mode == Mode::enforce && state_.serving->body.max_age != policy_.max_age) return wrong("max_age is not the one that is wanted");
        if (!state_.serving->complete) return wrong("the id is not complete");
        if (!last_.page.empty()) return wrong("a page stands");
    }
    const auto hosts = hosts_of(servers_[0].rrsets[Type::mx]);
    if (!policy_.mx_goal.empty() && hosts != policy_.mx_goal) return wrong(fmt::format("the MX RRset is {{{}}}", fmt::join(hosts, ", ")));
    if (!policy_.mx_goal.empty() && state_.serving && state_.serving->body.mode != Mode::none && state_.serving->body.mx != policy_.mx_goal) return wrong("the policy names other hosts");
}

} // namespace mxseal::simulation
