// A DNS provider within the process, for tests and the simulation: the same semantics as the real drivers, and faults that a
// test switches on. Any thread. What it holds is what its one authoritative server would answer.
#pragma once

#include "base/time.hpp"
#include "providers/changes.hpp"
#include "providers/driver.hpp"

#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace mxseal::providers {

// What the next apply() suffers that would otherwise succeed and change something.
enum class MemoryFault {
    ambiguous_done,     // carries it out, and answers `ambiguous`
    ambiguous_lost,     // does nothing, and answers `ambiguous`
    ambiguous_late,     // answers `ambiguous`; carry_out_late() does it, if its prerequisites still hold then (F-05)
    silent_drop,        // answers success and does nothing (F-06)
    late,               // answers success with a ticket that is pending until carry_out_late()
    transient,          // does nothing, and answers `transient`
    lost_race,          // does nothing, and answers `precondition`
};

class MemoryDriver final : public DnsDriver {
public:
    explicit MemoryDriver(const Clock& clock) : clock_(clock) {}

    // The provider's side of the world.
    void add_zone(const dns::Name& apex, std::optional<Ttl> min_ttl = std::nullopt);
    // A foreign hand: sets an RRset (no values: removes it), asks nobody.
    void put(Rrset rrset);
    std::optional<Rrset> lookup(const dns::Name& owner, dns::Type type) const;
    std::vector<Rrset> contents() const;        // sorted by owner and type
    std::uint64_t serial() const;               // how often anything was changed through apply() or put()
    void inject(MemoryFault fault, int times = 1);
    std::size_t carry_out_late();               // how many changes were carried out
    void set_clock_offset(Duration offset);     // server_time() is the clock's wall time plus this

    // The port.
    Capabilities capabilities() const override;
    Result<Zone> find_zone(const dns::Name& name) override;
    Result<std::optional<Rrset>> read(const Zone& zone, const dns::Name& owner, dns::Type type) override;
    Result<Ticket> apply(const Zone& zone, const std::vector<Change>& changes) override;
    Result<TicketState> poll(const Zone& zone, const Ticket& ticket) override;
    Result<Instant> server_time(const Zone& zone) override;

private:
    using Key = std::pair<dns::Name, dns::Type>;
    using Plan = std::vector<PlannedChange>;
    struct Late {
        std::string ticket;
        Plan plan;
    };

    Status check_served(const Zone& zone, const dns::Name& owner) const;
    Result<std::optional<Rrset>> read_locked(const dns::Name& owner, dns::Type type) const;
    Result<Plan> plan(const Zone& zone, const std::vector<Change>& changes) const;
    bool still_holds(const Plan& plan) const;
    void carry_out(const Plan& plan);
    Result<Ticket> suffer(MemoryFault fault, const Plan& plan);
    std::optional<Rrset> find(const Key& key) const;

    const Clock& clock_;
    mutable std::mutex mutex_;
    std::map<dns::Name, std::optional<Ttl>> zones_; // with their least TTL
    std::map<Key, Rrset> rrsets_;
    std::deque<MemoryFault> faults_;
    std::vector<Late> late_;
    std::uint64_t serial_ = 0, tickets_ = 0;
    Duration clock_offset_{0};
};

} // namespace mxseal::providers
