// Judge: counts the checks that were made and keeps what was violated.
#pragma once

#include "base/dns/tlsa.hpp"
#include "base/time.hpp"
#include "rotation/types.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mxseal::simulation {

enum class Check : std::uint8_t {
    no_gap,          // INV-1: every key that may be presented matches every version that may be held
    sender_served,   // a sender that follows RFC 7672 finds a match
    records_served,  // INV-2: nothing is published into a zone that is not validly signed
    one_change,      // INV-3: no shrink of the RRset while a switch is under way
    one_at_a_time,   // INV-4: of switches in a group
    healthy_group,   // INV-4: no planned switch while another host is unhealthy
    key_kept,        // no key is lost: what is published or served can be deployed
    hash_retired,    // a retired key never returns
    agreement,       // store and world say the same at rest
    liveness,        // once faults stop, every host is steady within the bound
    healing,         // what a foreign hand broke is mended within the bound
    sharpness,       // no wait is longer than the formula and the observations
    single_agent,    // a second agent on the same store does nothing
    starts,          // the agent starts again
    renewed,         // E-13: a certificate that its CA revokes is replaced within the bound
};
constexpr std::size_t kChecks = static_cast<std::size_t>(Check::renewed) + 1;
std::string_view to_string(Check check);
std::string_view sentence_of(Check check);

struct Violation {
    Check check{};
    std::string host;
    Instant at{};
    std::string text;
};

// A version that does not match a key.
struct BadPair {
    dns::TlsaSet records;
    rotation::SpkiHash key;
    auto operator<=>(const BadPair&) const = default;
};

class Judge {
public:
    void checked(Check check, std::size_t times = 1) { made_[static_cast<std::size_t>(check)] += times; }
    void violated(Check check, std::string host, Instant at, std::string text);
    bool clean() const { return violations_.empty(); }
    const std::vector<Violation>& violations() const { return violations_; }
    const std::array<std::size_t, kChecks>& made() const { return made_; }

private:
    std::array<std::size_t, kChecks> made_{};
    std::vector<Violation> violations_;
};

} // namespace mxseal::simulation
