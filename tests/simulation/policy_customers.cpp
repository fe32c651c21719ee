// Customers whose domains share one TXT record (RFC 8461 section 8.2; C-38): each has a zone of its own, into which mxseal may not write, with its MX
// records and two aliases that come, go away and come back one by one.
#include "tests/simulation/policy_world.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace mxseal::simulation {

using namespace agent;
using namespace rotation::mta_sts;
using namespace std::chrono_literals;

void PolicyWorld::make_customers(PolicySettings settings) {
    settings.manage_mx = false;
    settings.txt_target = *dns::Name::parse(kSharedRecord);
    for (std::size_t number = 1; number <= options_.customers; ++number) {
        const std::string name = fmt::format("customer{}.example", number);
        MailDomain& domain = new_domain(name, new_zone(name, {Type::mx, Type::alias}, 2), settings);
        domain.stage = MailDomain::Stage::gone;
        domain.leads_here = false;
    }
}

// The first one comes at once, the others in the days after.
void PolicyWorld::begin_customers() {
    for (MailDomain& domain : domains_) {
        after(&domain == &domains_.front() ? 0s : between(0s, 24h * 8), [this, &domain] { come(domain); });
        after(between(24h, 24h * 8), [this, &domain] { customer_acts(domain); });
    }
    after(between(24h, 24h * 8), [this] { new_profile(); });
}

void PolicyWorld::come(MailDomain& domain) {
    if (domain.stage == MailDomain::Stage::wanted || calm_) return;
    ++counters_.moves;
    tell(domain.name + " comes");
    domain.stage = MailDomain::Stage::wanted;
    in_life(life_, [&] { want(domain); });
    // Either half first, and the other one hours later.
    after(between(0s, 12h), [this, &domain] {
        if (domain.stage != MailDomain::Stage::wanted) return;
        domain.leads_here = true;
        domain.whole_since = now_;
    });
    after(between(0s, 12h), [this, &domain] { give_alias(domain); });
}

void PolicyWorld::give_alias(MailDomain& domain) {
    const Values target{kSharedRecord};
    if (domain.stage != MailDomain::Stage::wanted || domain.zone->servers[0].rrsets[Type::alias] == target) return;
    domain.whole_since = now_;
    set_primary(*domain.zone, Type::alias, target);
}

void PolicyWorld::delegate(MailDomain& domain) {
    if (!domain.leads_here) domain.whole_since = now_;
    domain.leads_here = true;
    give_alias(domain);
}

// mxseal ends the policy in order, and asks for the alias to be taken away at its end; not all wait for that.
void PolicyWorld::leave(MailDomain& domain) {
    tell(domain.name + " leaves");
    domain.stage = MailDomain::Stage::leaving;
    in_life(life_, [&] { want(domain); });
    if (!draw(0.3)) return;
    set_primary(*domain.zone, Type::alias, {});
    domain.leads_here = false;
}

void PolicyWorld::customer_acts(MailDomain& domain) {
    if (calm_) return;
    after(between(12h, 24h * 6), [this, &domain] { customer_acts(domain); });
    if (domain.stage != MailDomain::Stage::wanted) return come(domain);
    ++counters_.moves;
    switch (below(options_.faults ? 3 : 1)) {
    case 0: return draw(0.3) ? leave(domain) : void();
    case 1:
        if (domain.zone->servers[0].rrsets[Type::alias].empty()) return;
        tell("FAULT " + domain.name + " takes its alias away");
        set_primary(*domain.zone, Type::alias, {});
        return after(between(1h, 72h), [this, &domain] { give_alias(domain); });
    case 2:
        tell("FAULT mta-sts." + domain.name + " leads nowhere");
        domain.leads_here = false;
        return after(between(1h, 48h), [this, &domain] {
            if (domain.stage != MailDomain::Stage::wanted || domain.leads_here) return;
            domain.leads_here = true;
            domain.whole_since = now_;
        });
    default: return;
    }
}

// The hoster changes the policy of all its customers at once.
void PolicyWorld::new_profile() {
    if (calm_) return;
    after(between(24h, 24h * 10), [this] { new_profile(); });
    const auto max_age = std::array<std::chrono::seconds, 3>{6h, 48h, 240h}[below(3)];
    longest_max_age_ = std::max(longest_max_age_, max_age);
    tell("the policies of all customers are to have max_age " + to_string(Duration{max_age}));
    for (MailDomain& domain : domains_) {
        domain.settings.max_age = max_age;
        domain.settings.at_once = true;
        domain.settings.mode = Mode::enforce;
    }
    in_life(life_, [this] {
        for (const MailDomain& domain : domains_) want(domain);
    });
}

// As agent/observe/alias_walk.cpp: what the servers of the customer's zone and those of the record say together.
void PolicyWorld::look_through_alias(const MailDomain& domain, DnsObservation& seen) {
    RrsetObservation own = look_at(*domain.zone, Type::alias);
    own.primary.reset();
    if (std::none_of(own.servers.begin(), own.servers.end(), [](const RrsetAnswer& answer) { return !answer.values.empty(); })) {
        seen.txt = std::move(own);
        return;
    }
    seen.txt_alias = kSharedRecord;
    seen.txt = look_at(zones_.front(), Type::txt);
    seen.txt.primary.reset();
    for (RrsetAnswer& answer : seen.txt.servers) answer.by_alias = true;
    const auto followed = seen.txt.servers;
    for (RrsetAnswer& answer : own.servers) {
        if (!answer.values.empty()) {
            seen.txt.following.push_back(answer.address);
            continue;
        }
        const auto same = [&](const RrsetAnswer& other) { return other.answered && other.values.empty(); };
        if (std::any_of(followed.begin(), followed.end(), same)) answer.answered = false;
        seen.txt.servers.push_back(std::move(answer));
    }
}

} // namespace mxseal::simulation
