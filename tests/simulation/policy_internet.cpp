// What senders meet: name servers and replicas as they change, resolvers with their caches, and mail.
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

std::optional<std::string> only_id(const Values& txt) {
    std::optional<std::string> id;
    for (const std::string& value : txt) {
        if (!is_sts(value)) continue;
        if (id) return std::nullopt;
        id = id_of(value);
    }
    return id;
}

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
    if (now_ < sender.cut_off_until || now_ < replica.away_until || !replica.body) return;
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

void PolicyWorld::look_again(Sender& sender) {
    ++counters_.rechecks;
    refresh(sender);
}

void PolicyWorld::send(Sender& sender) {
    ++counters_.deliveries;
    const bool expired = !sender.policy || now_ >= sender.policy->fetched + sender.policy->body.max_age;
    if (expired || !sender.lazy || now_ >= sender.checked + 24h) refresh(sender);
    // Section 5.1: before mail is given up the id is looked at again; here as soon as one host is not covered.
    const bool looked = !uncovered(sender).empty() || !attempt(sender);
    if (looked) look_again(sender);
    if (!attempt(sender)) return undeliverable(sender);
    auto hosts = uncovered(sender);
    // A resolver that gave a stale answer first has asked for the RRset meanwhile: to this sender it changes only now.
    if (!looked && !hosts.empty()) {
        look_again(sender);
        hosts = uncovered(sender);
    }
    const bool can_fetch = now_ >= sender.cut_off_until && std::all_of(replicas_.begin(), replicas_.end(), [&](const Replica& replica) { return now_ >= replica.away_until && replica.body; });
    if (hosts.empty() || (!can_fetch && !is_withdrawn())) return;
    violated("coverage", fmt::format("{{{}}} stand in the MX RRset and a sender that has just looked at the id again holds the policy {{{}}}, id {}", fmt::join(hosts, ", "),
                                     fmt::join(sender.policy->body.mx, ", "), sender.policy->id));
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

} // namespace mxseal::simulation
