// What forbids a step, as a reason. Every gate is checked at the moment of the step, on what was seen right before it.
#include "rotation/planted.hpp"
#include "rotation/tlsa/context.hpp"
#include "rotation/tlsa/match.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace mxseal::rotation::tlsa {

namespace {

// Case 25, B-03: a server that answers wrongly, with the query and what it said.
std::optional<Reason> wrong_server(const Ledger& ledger) {
    for (const ServerMemory& server : ledger.servers)
        if (server.wrong) return because("halt.server", fmt::format("name server {} ({}) gives no valid answer: {}", server.server, server.address, server.trouble),
                                         "mend that server; mxseal looks again by itself");
    return std::nullopt;
}

} // namespace

std::optional<Reason> dns_refuses(const HostState& state, const Policy& policy) {
    if (!state.observed_at) return because("wait.look", "waits for the first look at the name servers");
    if (!state.observe_trouble.empty()) return because("wait.dns", "DNS cannot be observed: " + state.observe_trouble);
    // RFC 7672 section 2.2.2, B-02: TLSA records under insecure addresses are dead, bogus ones stop mail already.
    if (state.address_security == Security::insecure)
        return because("halt.unsigned", fmt::format("the zone of {} is not signed: {}", policy.host, state.address_detail), "sign the zone and have its DS published");
    if (state.address_security == Security::bogus)
        return because("halt.bogus", fmt::format("DNSSEC validation of {} fails: {}", policy.host, state.address_detail), "mend the signatures or the DS");
    if (state.address_security == Security::indeterminate)
        return because("wait.dns", fmt::format("the validating resolver gives no verdict on {}: {}", policy.host, state.address_detail));
    for (const Ledger& ledger : state.ledgers) {
        // RFC 7672 section 2.2.2 (A-43, case 19).
        if (ledger.cname_target)
            return because("halt.cname", fmt::format("_{}._tcp.{} is a CNAME to {}", ledger.port, policy.host, ledger.cname_target->text()),
                           "remove the CNAME; mxseal publishes at the owner itself");
        if (auto wrong = wrong_server(ledger)) return wrong;
        if (!ledger.primary) return because("wait.primary", fmt::format("the server that is written to cannot be read: {}", ledger.primary_error));
    }
    return std::nullopt;
}

std::optional<Reason> unseen_server(const Context& context, const Chain& served) {
    const HostState& state = context.state;
    const auto heard = [&](const ServerMemory& server) { return server.answered_at >= state.started_at; };
    bool matched = false, unmatched = false;
    std::optional<Reason> refused;
    for (const Ledger& ledger : state.ledgers) {
        const bool nobody = std::none_of(ledger.servers.begin(), ledger.servers.end(), heard);
        for (const ServerMemory& server : ledger.servers) {
            if (heard(server) && !server.silent_since && server.records) (matches(*server.records, served) ? matched : unmatched) = true;
            // B-13: the last ones are waited for as long as others that fall silent, the first one without end.
            const bool waited = !nobody && context.now >= state.started_at + context.policy.unreachable_grace;
            if (refused || server.left_at || heard(server) || waited) continue;
            const auto text = fmt::format("key {} is presented and may be relied on; {} ({}) has not answered since the start", served.key.short_hex(), server.server, server.address);
            refused = nobody ? because("wait.look", text)
                             : wait_until("wait.look", text + " and is waited for until", "started at", state.started_at, {{"unreachable_grace", context.policy.unreachable_grace}});
        }
    }
    // Broken already, as far as anybody says.
    return unmatched && !matched ? std::nullopt : refused;
}

std::optional<Reason> clock_refuses(const HostState& state, Urgency) {
    if (state.time_validated || planted(Mistake::clock_trusted)) return std::nullopt;
    if (!state.time_trouble.empty()) return because("wait.clock", "transitions pause until the clock is validated: " + state.time_trouble);
    return because("wait.clock", "waits until the clock was compared with an authenticated one (TSIG-signed answer of the primary, or Date of the CA)");
}

std::optional<Reason> signatures_refuse(const HostState& state, const Policy& policy, Instant now) {
    for (const Ledger& ledger : state.ledgers)
        for (const ServerMemory& server : ledger.servers) {
            // B-06: signatures outlast what a cache may make of them, TTL + safety_margin.
            if (server.silent_since || !server.signed_until || !server.records || server.records->empty()) continue;
            const Instant needed = now + effective_ttl(ledger, now, policy) + policy.safety_margin;
            if (*server.signed_until < needed && *server.signed_until < now + Duration{policy.tlsa_ttl} + policy.safety_margin)
                return because("halt.signatures", fmt::format("{} ({}) serves signatures that end at {}, less than TTL + safety_margin from now", server.server, server.address,
                                                              to_rfc3339(*server.signed_until)),
                               "let the signer run");
        }
    // B-10: one change of the chain of trust at a time.
    if (state.dnssec_rollover) return because("wait.dnssec", "a DNSSEC key rollover is under way (DS and CDS differ)");
    return std::nullopt;
}

std::optional<Reason> group_refuses(const Context& context, const Roll& roll) {
    const Group& group = context.group;
    // INV-4 (P3): never two hosts of a group in a switch at once, in an emergency neither.
    if (planted(Mistake::two_at_once)) return std::nullopt;
    if (!group.switching.empty()) return because("wait.group", fmt::format("waits until {} has finished its switch", group.switching));
    if (roll.kind == RollKind::emergency) return std::nullopt;
    if (!group.unhealthy.empty() && !planted(Mistake::unhealthy_group_ignored)) return because("wait.group_health", fmt::format("no planned switch while another host of the group is unhealthy: {}", group.unhealthy));
    if (!group.before_us.empty()) return because("wait.order", fmt::format("{} goes first: this host is the only one of best preference", group.before_us));
    if (group.last_switch && context.now < *group.last_switch + context.policy.stagger)
        return wait_until("wait.stagger", "may be switched from", "last switch in the group", *group.last_switch, {{"stagger", context.policy.stagger}});
    return std::nullopt;
}

std::optional<Reason> chain_refused(const HostState& state, const Policy& policy, Instant now, const Chain& before, const Chain& after, Urgency urgency) {
    if (planted(Mistake::standby_not_held)) return std::nullopt;
    for (const Ledger& ledger : state.ledgers)
        for (const Held& version : held(ledger, now, policy, urgency)) {
            if (version.unseen) continue;
            // A.3: no action may turn a true match false; a held record may bind more than the key.
            if (!matches(version.records, before) || matches(version.records, after)) continue;
            const auto binding = binding_more_than_key(version.records);
            auto text = fmt::format("the chain of key {} would not match {}, which resolvers may hold{}", after.key.short_hex(), version.records.to_string(),
                                    version.until ? " until " + to_rfc3339(*version.until) : "");
            if (binding.empty()) return because("wait.held", text);
            return because("halt.foreign", text, fmt::format("remove the foreign record {} from the zone, it binds more than the key", binding.to_string()));
        }
    return std::nullopt;
}

} // namespace mxseal::rotation::tlsa
