#include "providers/memory/memory_driver.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace mxseal::providers {

namespace {

constexpr std::size_t kChangesMax = 32; // as many as the real driver takes (F-08)

Error unknown_outcome() {
    return Error(ErrorCode::ambiguous, "the provider gave no answer; whether the change was carried out is not known: read the records again",
                 Retry::transient());
}

} // namespace

void MemoryDriver::add_zone(const dns::Name& apex, std::optional<Ttl> min_ttl) {
    std::lock_guard lock(mutex_);
    zones_[apex] = min_ttl;
}

void MemoryDriver::put(Rrset rrset) {
    std::lock_guard lock(mutex_);
    rrset.values = canonical(std::move(rrset.values));
    Key key{rrset.owner, rrset.type};
    if (rrset.values.empty())
        rrsets_.erase(key);
    else
        rrsets_[key] = std::move(rrset);
    ++serial_;
}

std::optional<Rrset> MemoryDriver::find(const Key& key) const {
    auto found = rrsets_.find(key);
    if (found == rrsets_.end()) return std::nullopt;
    return found->second;
}

std::optional<Rrset> MemoryDriver::lookup(const dns::Name& owner, dns::Type type) const {
    std::lock_guard lock(mutex_);
    return find({owner, type});
}

std::vector<Rrset> MemoryDriver::contents() const {
    std::lock_guard lock(mutex_);
    std::vector<Rrset> all;
    for (const auto& [key, rrset] : rrsets_) all.push_back(rrset);
    return all;
}

std::uint64_t MemoryDriver::serial() const {
    std::lock_guard lock(mutex_);
    return serial_;
}

void MemoryDriver::inject(MemoryFault fault, int times) {
    std::lock_guard lock(mutex_);
    for (int i = 0; i < times; ++i) faults_.push_back(fault);
}

void MemoryDriver::set_clock_offset(Duration offset) {
    std::lock_guard lock(mutex_);
    clock_offset_ = offset;
}

std::size_t MemoryDriver::carry_out_late() {
    std::lock_guard lock(mutex_);
    std::size_t carried_out = 0;
    for (const Late& late : late_) {
        // RFC 2136 section 5 (F-05): a late message meets its own prerequisites; value-dependent ones make a duplicate fail.
        if (!still_holds(late.plan)) continue;
        carry_out(late.plan);
        ++carried_out;
    }
    late_.clear();
    return carried_out;
}

Capabilities MemoryDriver::capabilities() const {
    Capabilities able;
    able.compare_and_swap = CompareAndSwap::native;
    able.atomic_replace = able.atomic_batch = able.tells_time = true;
    able.max_batch_changes = kChangesMax;
    return able;
}

Result<Zone> MemoryDriver::find_zone(const dns::Name& name) {
    std::lock_guard lock(mutex_);
    for (dns::Name at = name;; at = at.parent()) { // one turn a label, at most 127
        if (auto found = zones_.find(at); found != zones_.end()) return Zone{at, "", found->second};
        if (at.is_root())
            return Error(ErrorCode::not_managed, fmt::format("the provider serves no zone for {}: neither the name nor one above it", name.text()));
    }
}

Status MemoryDriver::check_served(const Zone& zone, const dns::Name& owner) const {
    if (zones_.count(zone.apex) == 0) return Error(ErrorCode::not_managed, fmt::format("the provider has no zone {}", zone.apex.text()));
    for (dns::Name at = owner; at.is_within(zone.apex); at = at.parent()) {
        if (at == zone.apex) return done();
        // F-01: below a cut the name belongs to another zone.
        if (zones_.count(at) != 0) break;
    }
    return Error(ErrorCode::not_managed, fmt::format("{} is not in the zone {}", owner.text(), zone.apex.text()));
}

Result<std::optional<Rrset>> MemoryDriver::read_locked(const dns::Name& owner, dns::Type type) const {
    // F-02.
    if (type != dns::Type::cname && find({owner, dns::Type::cname}))
        return Error(ErrorCode::cname_conflict, fmt::format("{} {}: a CNAME stands there; remove it, or write at its target", to_string(type), owner.text()));
    return find({owner, type});
}

Result<std::optional<Rrset>> MemoryDriver::read(const Zone& zone, const dns::Name& owner, dns::Type type) {
    std::lock_guard lock(mutex_);
    if (auto status = check_served(zone, owner); !status.ok()) return std::move(status).error();
    return read_locked(owner, type);
}

Result<MemoryDriver::Plan> MemoryDriver::plan(const Zone& zone, const std::vector<Change>& changes) const {
    Plan plan;
    for (const Change& change : changes) {
        if (auto status = check_served(zone, change.owner); !status.ok()) return std::move(status).error();
        auto current = read_locked(change.owner, change.type);
        if (!current.ok()) return std::move(current).error();
        auto planned = plan_change(change, std::move(*current), zones_.at(zone.apex));
        if (!planned.ok()) return std::move(planned).error();
        if (planned->changes_anything()) plan.push_back(std::move(*planned));
    }
    return plan;
}

bool MemoryDriver::still_holds(const Plan& plan) const {
    return std::all_of(plan.begin(), plan.end(), [this](const PlannedChange& change) {
        auto now = find({change.owner, change.type});
        // RFC 2136 section 2.4.2: values, not the TTL.
        bool same = now.has_value() == change.before.has_value() && (!now || now->values == change.before->values);
        return same && (change.type == dns::Type::cname || !find({change.owner, dns::Type::cname}));
    });
}

void MemoryDriver::carry_out(const Plan& plan) {
    for (const PlannedChange& change : plan) {
        Key key{change.owner, change.type};
        if (change.after)
            rrsets_[key] = *change.after;
        else
            rrsets_.erase(key);
    }
    ++serial_;
}

Result<Ticket> MemoryDriver::suffer(MemoryFault fault, const Plan& plan) {
    switch (fault) {
    case MemoryFault::ambiguous_done: carry_out(plan); return unknown_outcome();
    case MemoryFault::ambiguous_lost: return unknown_outcome();
    case MemoryFault::ambiguous_late: late_.push_back({"", plan}); return unknown_outcome();
    case MemoryFault::silent_drop: return Ticket{};
    case MemoryFault::late: late_.push_back({fmt::format("{}", ++tickets_), plan}); return Ticket{late_.back().ticket};
    case MemoryFault::transient: return Error(ErrorCode::transient, "the provider is out of order for a moment", Retry::transient());
    case MemoryFault::lost_race:
        return Error(ErrorCode::precondition, "somebody else changed the records; nothing was written, read them again", Retry::transient());
    }
    return Error(ErrorCode::internal, "an unknown fault");
}

Result<Ticket> MemoryDriver::apply(const Zone& zone, const std::vector<Change>& changes) {
    std::lock_guard lock(mutex_);
    if (auto status = check_changes(zone, changes, kChangesMax); !status.ok()) return std::move(status).error();
    auto plan = this->plan(zone, changes);
    if (!plan.ok()) return std::move(plan).error();
    if (plan->empty()) return Ticket{};
    if (!faults_.empty()) {
        MemoryFault fault = faults_.front();
        faults_.pop_front();
        return suffer(fault, *plan);
    }
    carry_out(*plan);
    return Ticket{};
}

Result<TicketState> MemoryDriver::poll(const Zone&, const Ticket& ticket) {
    std::lock_guard lock(mutex_);
    bool waits = !ticket.id.empty() && std::any_of(late_.begin(), late_.end(), [&](const Late& late) { return late.ticket == ticket.id; });
    return waits ? TicketState::pending : TicketState::in_sync;
}

Result<Instant> MemoryDriver::server_time(const Zone& zone) {
    std::lock_guard lock(mutex_);
    if (auto status = check_served(zone, zone.apex); !status.ok()) return std::move(status).error();
    return clock_.wall() + clock_offset_;
}

} // namespace mxseal::providers
