#include "providers/rfc2136/rfc2136_driver.hpp"

#include "providers/changes.hpp"
#include "providers/rfc2136/primary.hpp"

#include <type_traits>
#include <utility>

#include <fmt/format.h>

namespace mxseal::providers {

namespace {

// Our choice: 1 KiB for each change within the 32 KiB of one message (F-08).
constexpr std::size_t kChangesMax = 32;

// F-07: another listed primary may do what this one cannot; every other answer is final.
bool next_may_help(ErrorCode code) { return code == ErrorCode::transient || code == ErrorCode::unsupported; }

class Rfc2136Driver final : public DnsDriver {
public:
    Rfc2136Driver(Rfc2136Options options, const Clock& clock) : options_(std::move(options)), clock_(clock) {}

    Capabilities capabilities() const override {
        Capabilities able;
        able.compare_and_swap = CompareAndSwap::native;
        able.atomic_replace = able.atomic_batch = able.tells_time = true;
        able.max_batch_changes = kChangesMax;
        return able;
    }

    Result<Zone> find_zone(const dns::Name& name) override {
        return at_a_primary([&](Primary& primary) { return primary.find_zone(name); });
    }

    Result<std::optional<Rrset>> read(const Zone& zone, const dns::Name& owner, dns::Type type) override {
        if (!owner.is_within(zone.apex))
            return Error(ErrorCode::not_managed, fmt::format("{} is not in the zone {}", owner.text(), zone.apex.text()));
        return at_a_primary([&](Primary& primary) { return primary.read(zone, owner, type); });
    }

    Result<Ticket> apply(const Zone& zone, const std::vector<Change>& changes) override {
        if (auto status = check_changes(zone, changes, kChangesMax); !status.ok()) return std::move(status).error();
        return at_a_primary([&](Primary& primary) { return primary.apply(zone, changes); });
    }

    // RFC 2136 has no tickets: what was accepted is on the server.
    Result<TicketState> poll(const Zone&, const Ticket&) override { return TicketState::in_sync; }

    Result<Instant> server_time(const Zone& zone) override {
        return at_a_primary([&](Primary& primary) { return primary.time(zone); });
    }

private:
    template <class Act>
    std::invoke_result_t<Act, Primary&> at_a_primary(Act act) const {
        auto deadline = dns::Deadline::in(options_.call_timeout);
        for (std::size_t i = 0;; ++i) {
            Primary primary({options_.servers[i], options_.key, clock_, deadline, options_.exchange_timeout});
            auto result = act(primary);
            bool last = i + 1 == options_.servers.size() || deadline.passed();
            if (result.ok() || last || !next_may_help(result.error().code())) return result;
        }
    }

    Rfc2136Options options_;
    const Clock& clock_;
};

} // namespace

Result<std::unique_ptr<DnsDriver>> make_rfc2136_driver(Rfc2136Options options, const Clock& clock) {
    if (options.servers.empty()) return Error(ErrorCode::invalid, "an rfc2136 provider needs a server");
    if (options.key.secret.empty())
        return Error(ErrorCode::invalid, "an rfc2136 provider needs a TSIG key: unsigned answers prove nothing");
    return std::unique_ptr<DnsDriver>(std::make_unique<Rfc2136Driver>(std::move(options), clock));
}

} // namespace mxseal::providers
