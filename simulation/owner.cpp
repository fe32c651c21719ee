#include "simulation/owner.hpp"

#include <algorithm>

namespace mxseal::simulation {

void Owner::remember(const dns::TlsaSet& records, Ttl ttl, Instant last, std::optional<Instant> shown) {
    const Instant until = last + std::max<Duration>(ttl, floor_);
    for (Remembered& version : past_)
        if (version.records == records && version.shown == shown) {
            version.until = std::max(version.until, until);
            return;
        }
    past_.push_back({records, until, shown});
}

void Owner::leave(const Copy& copy, Instant now) {
    if (copy.silent) return;
    if (copy.hand == Hand::ours) remember(copy.content.records, copy.content.ttl, now);
    if (copy.hand == Hand::foreign && copy.shown) remember(copy.content.records, copy.content.ttl, now, copy.shown);
}

void Owner::forget_shown_since(Instant then) {
    for (Copy& copy : copies_)
        if (copy.shown && *copy.shown > then) copy.shown.reset();
    std::erase_if(past_, [&](const Remembered& version) { return version.shown && *version.shown > then; });
}

void Owner::set(std::size_t server, Content content, Hand hand, Instant now) {
    Copy& copy = copies_[server];
    if (copy.content == content && copy.hand == hand && !copy.silent) return;
    leave(copy, now);
    if (!copy.content.records.empty()) ttls_.emplace_back(copy.content.ttl, now);
    copy = Copy{std::move(content), hand, now, std::nullopt, false};
}

void Owner::silence(std::size_t server, Instant now) {
    leave(copies_[server], now);
    copies_[server].silent = true;
}

void Owner::asked(Ttl ttl, Instant now) { ttls_.emplace_back(ttl, now); }

Duration Owner::largest_ttl(Instant now) const {
    Duration largest = floor_;
    for (const Copy& copy : copies_) largest = std::max<Duration>(largest, copy.content.ttl);
    for (const auto& [ttl, last] : ttls_)
        if (now < last + ttl + std::chrono::hours(7 * 24)) largest = std::max<Duration>(largest, ttl);
    return largest;
}

void Owner::forget(Instant now, Duration stale) {
    std::erase_if(ttls_, [&](const auto& seen) { return now > seen.second + std::chrono::hours(15 * 24); });
    std::erase_if(past_, [&](const Remembered& version) { return now >= version.until + stale; });
}

std::optional<Instant> Owner::held_without(const dns::TlsaRecord& record, Duration after) const {
    for (const Copy& copy : copies_)
        if (!copy.silent && !copy.content.records.contains(record)) return std::nullopt;
    Instant last{};
    for (const Remembered& version : past_)
        if (!version.records.empty() && !version.records.contains(record)) last = std::max(last, version.until + after);
    return last;
}

} // namespace mxseal::simulation
