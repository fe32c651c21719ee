// MxBoard: what is known of the MX hosts of all domains: thousands of domains share a few hosts, and each host is looked at once.
#pragma once

#include "agent/domains/policy_outside.hpp"
#include "base/time.hpp"
#include "rotation/mta_sts/step.hpp"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace mxseal::agent {

// W7, of a host in this configuration.
struct HostReadiness {
    bool ready = false;                           // its records are complete and every endpoint presents what they pin
    std::string trouble;
};

class MxBoard {
public:
    struct Pace {
        Duration every = std::chrono::hours(1), again = std::chrono::minutes(5); // while something is wrong
        Duration keep = std::chrono::hours(24);   // what nobody asks for is forgotten
    };
    // `readiness`: of a configured host; absent: its keys are not mxseal's, so it has no part in what mxseal does for DANE.
    using Readiness = std::function<std::optional<HostReadiness>(const std::string& host)>;
    explicit MxBoard(Pace pace) : pace_(pace) {}
    void on_readiness(Readiness readiness) { readiness_ = std::move(readiness); }

    // Of those that were looked at; the others are looked at soon.
    std::vector<rotation::mta_sts::MxFacts> facts_of(const std::vector<std::string>& hosts, Instant now);
    // Hosts whose look is due now; each is under way afterwards.
    std::vector<std::string> take_due(Instant now);
    std::optional<Instant> next_due() const;
    // After a clock that ran ahead was set back: no look waits for as long as it was ahead.
    void put_right(Instant now);
    // Whether what is known of the host changed.
    bool arrived(const MxHostLook& look, Instant now);

private:
    struct Host {
        bool known = false;
        std::string trouble;
        std::optional<Instant> due;               // absent: under way
        Instant asked_for{};
    };
    Pace pace_;
    Readiness readiness_;
    std::map<std::string, Host> hosts_;
};

} // namespace mxseal::agent
