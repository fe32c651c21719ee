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

void PolicyWorld::set_primary(Zone& zone, Type type, const Values& values) {
    before_change(&zone);
    tell(fmt::format("{} of {} is now {{{}}}", type == Type::txt ? "TXT" : type == Type::mx ? "MX" : "the alias", zone.name, fmt::join(values, ", ")));
    zone.history[type].push_back(zone.servers[0].rrsets[type]);
    zone.servers[0].rrsets[type] = values;
    if (type == Type::txt) judge_id(values);
    for (std::size_t server = 1; server < zone.servers.size(); ++server) {
        const Duration takes = fault(0.1) ? between(1min, 6h) : between(0s, lag_);
        after(takes, [this, &zone, server] { transfer(zone, server); });
    }
}

void PolicyWorld::transfer(Zone& zone, std::size_t server) {
    Copy& copy = zone.servers[server];
    if (now_ < copy.stuck_until) return at(copy.stuck_until, [this, &zone, server] { transfer(zone, server); });
    if (copy.rrsets == zone.servers[0].rrsets) return;
    before_change(&zone);
    copy.rrsets = zone.servers[0].rrsets;
}

// The worst moment for a cache to be filled is right before something changes; some of the senders whom it concerns ask then. Null: all.
void PolicyWorld::before_change(const Zone* zone) {
    for (Resolver& resolver : resolvers_)
        if (draw(0.3)) resolver.entries.clear();
    for (MailDomain& domain : domains_) {
        if (zone != nullptr && zone != domain.zone && zone != &zones_.front()) continue;
        for (Sender& sender : domain.senders)
            if (draw(0.5) && now_ >= sender.quiet_until) send(domain, sender);
    }
}

const Values& PolicyWorld::ask(std::size_t resolver, const Zone& zone, Type type) {
    Resolver& model = resolvers_[resolver];
    const std::pair key{zone.number, type};
    auto found = model.entries.find(key);
    if (found != model.entries.end()) {
        const Instant expires = found->second.fetched + std::max<Duration>(ttl_, model.floor);
        if (now_ < expires || (now_ < expires + model.stale && draw(0.7))) return found->second.values;
    }
    const Copy& server = zone.servers[below(zone.servers.size())];
    const auto rrset = server.rrsets.find(type);
    model.entries[key] = {rrset == server.rrsets.end() ? Values{} : rrset->second, now_};
    return model.entries[key].values;
}

// An alias and what it leads to are cached apart (C-38).
const Values& PolicyWorld::ask_txt(std::size_t resolver, const MailDomain& domain) {
    if (!shares()) return ask(resolver, *domain.zone, Type::txt);
    const Values& alias = ask(resolver, *domain.zone, Type::alias);
    return alias.empty() ? alias : ask(resolver, zones_.front(), Type::txt);
}

// RFC 8461 section 3.3 and 5.1: a policy is fetched when there is none, or when the id is another one; a failure leaves the cached one.
void PolicyWorld::refresh(const MailDomain& domain, Sender& sender) {
    sender.checked = now_;
    const auto id = only_id(ask_txt(sender.resolver, domain));
    const bool expired = !sender.policy || now_ >= sender.policy->fetched + sender.policy->body.max_age;
    if (!id || (!expired && sender.policy->id == *id)) return;
    const Replica& replica = replicas_[below(replicas_.size())];
    const auto served = replica.bodies.find(domain.name);
    if (now_ < sender.cut_off_until || now_ < replica.away_until || !domain.leads_here || served == replica.bodies.end()) return;
    auto body = parse_body(served->second);
    if (!body.ok()) return violated("delivery", "the endpoint serves a body that cannot be read: " + body.error().to_string());
    sender.policy = Sender::Policy{*body, *id, now_};
}

bool PolicyWorld::attempt(const MailDomain& domain, Sender& sender) {
    const auto hosts = hosts_of(ask(sender.resolver, *domain.zone, Type::mx));
    const bool holds = sender.policy && now_ < sender.policy->fetched + sender.policy->body.max_age;
    return std::any_of(hosts.begin(), hosts.end(), [&](const std::string& host) {
        const auto exists = ready_from_.find(host);
        if (exists == ready_from_.end() || now_ < exists->second) return false;
        return !holds || sender.policy->body.mode != Mode::enforce || covers(sender.policy->body, host);
    });
}

void PolicyWorld::look_again(const MailDomain& domain, Sender& sender) {
    ++counters_.rechecks;
    refresh(domain, sender);
}

void PolicyWorld::send(MailDomain& domain, Sender& sender) {
    ++counters_.deliveries;
    const bool expired = !sender.policy || now_ >= sender.policy->fetched + sender.policy->body.max_age;
    if (expired || !sender.lazy || now_ >= sender.checked + 24h) refresh(domain, sender);
    // Section 5.1: before mail is given up the id is looked at again; here as soon as one host is not covered.
    const bool looked = !uncovered(domain, sender).empty() || !attempt(domain, sender);
    if (looked) look_again(domain, sender);
    if (!attempt(domain, sender)) return undeliverable(domain, sender);
    auto hosts = uncovered(domain, sender);
    // A resolver that gave a stale answer first has asked for the RRset meanwhile: to this sender it changes only now.
    if (!looked && !hosts.empty()) {
        look_again(domain, sender);
        hosts = uncovered(domain, sender);
    }
    // Of a customer who has just given back both halves a resolver may hold that there is none.
    const bool is_whole = !shares() || now_ >= domain.whole_since + 24h;
    const bool can_fetch = is_whole && now_ >= sender.cut_off_until && std::all_of(replicas_.begin(), replicas_.end(), [&](const Replica& replica) { return now_ >= replica.away_until && replica.bodies.contains(domain.name); });
    if (hosts.empty() || (!can_fetch && !is_withdrawn(domain))) return;
    violated("coverage", fmt::format("{{{}}} stand in the MX RRset of {} and a sender that has just looked at the id again holds the policy {{{}}}, id {}", fmt::join(hosts, ", "), domain.name,
                                     fmt::join(sender.policy->body.mx, ", "), sender.policy->id));
}

void PolicyWorld::mail() {
    MailDomain& domain = shares() ? domains_[below(domains_.size())] : domains_.front();
    Sender& sender = domain.senders[below(domain.senders.size())];
    if (now_ >= sender.quiet_until) send(domain, sender);
    after(between(5min, 30min), [this] { mail(); });
}

// A foreign hand that brings back an MX RRset which the policies of today do not cover breaks mail whatever mxseal does.
bool PolicyWorld::breaks_somebody(const Zone& zone, const Values& mx) const {
    const auto hosts = hosts_of(mx);
    const auto covered = [&](const PolicyBody& body) {
        return body.mode != Mode::enforce || std::any_of(hosts.begin(), hosts.end(), [&](const std::string& host) { return covers(body, host); });
    };
    const auto breaks = [&](const MailDomain& domain) {
        for (const Bodies* bodies : {&published_, &replicas_.front().bodies, &replicas_.back().bodies})
            if (const auto text = bodies->find(domain.name); text != bodies->end() && !covered(*parse_body(text->second))) return true;
        return std::any_of(domain.senders.begin(), domain.senders.end(), [&](const Sender& sender) { return sender.policy && !covered(sender.policy->body); });
    };
    return std::any_of(domains_.begin(), domains_.end(), [&](const MailDomain& domain) { return domain.zone == &zone && breaks(domain); });
}

void PolicyWorld::fall_back(Zone& zone, std::size_t server, Type type, std::size_t versions, Duration lasts) {
    const auto& known = zone.history[type];
    if (calm_ || known.size() < versions) return;
    const Values& old = known[known.size() - versions];
    if (type == Type::mx && breaks_somebody(zone, old)) return;
    before_change(&zone);
    zone.servers[server].rrsets[type] = old;
    if (type == Type::mx)
        for (MailDomain& domain : domains_)
            if (domain.zone == &zone)
                for (const std::string& host : hosts_of(old)) domain.foreign.insert(host);
    tell(fmt::format("FAULT ns{} of {} answers with {{{}}} again", server + 1, zone.name, fmt::join(old, ", ")));
    after(lasts, [this, &zone, server] { transfer(zone, server); });
}

// The former id comes back when senders are about to be sent elsewhere, and one of them had no mail since it was replaced.
void PolicyWorld::come_back_late(MailDomain& domain) {
    const Duration wait = config_.timing.policy_refresh - between(10min, 3h);
    domain.senders[below(domain.senders.size())].quiet_until = now_ + wait;
    after(wait, [this] { fall_back(zones_.front(), 1 + below(zones_.front().servers.size() - 1), Type::txt, 1, between(1h, 12h)); });
}

} // namespace mxseal::simulation
