#include "agent/domains/mx_board.hpp"

#include <algorithm>

namespace mxseal::agent {

using rotation::mta_sts::MxFacts;

std::vector<MxFacts> MxBoard::facts_of(const std::vector<std::string>& hosts, Instant now) {
    std::vector<MxFacts> facts;
    for (const std::string& name : hosts) {
        auto [found, is_new] = hosts_.try_emplace(name);
        Host& host = found->second;
        if (is_new) host.due = now;
        host.asked_for = now;
        if (!host.known) continue;
        MxFacts one{name, true, host.trouble.empty(), host.trouble};
        if (auto readiness = readiness_ ? readiness_(name) : std::nullopt; readiness && !readiness->ready) {
            one.ready = false;
            one.trouble = readiness->trouble;
        }
        facts.push_back(std::move(one));
    }
    return facts;
}

std::vector<std::string> MxBoard::take_due(Instant now) {
    std::vector<std::string> due;
    std::erase_if(hosts_, [&](const auto& each) { return each.second.due && now >= each.second.asked_for + pace_.keep; });
    for (auto& [name, host] : hosts_) {
        if (!host.due || now < *host.due) continue;
        host.due.reset();
        due.push_back(name);
    }
    return due;
}

std::optional<Instant> MxBoard::next_due() const {
    std::optional<Instant> next;
    for (const auto& [name, host] : hosts_)
        if (host.due && (!next || *host.due < *next)) next = host.due;
    return next;
}

void MxBoard::put_right(Instant now) {
    for (auto& [name, host] : hosts_) {
        host.asked_for = std::min(host.asked_for, now);
        if (host.due) host.due = std::min(*host.due, now + pace_.every);
    }
}

bool MxBoard::arrived(const MxHostLook& look, Instant now) {
    auto found = hosts_.find(look.host);
    if (found == hosts_.end()) return false;
    Host& host = found->second;
    host.due = now + (look.trouble.empty() ? pace_.every : std::min(pace_.every, pace_.again));
    const bool changed = !host.known || host.trouble != look.trouble;
    host.known = true;
    host.trouble = look.trouble;
    return changed;
}

} // namespace mxseal::agent
