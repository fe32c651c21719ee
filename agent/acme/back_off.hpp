// How long a (CA, account, set of names) rests after a failure, kept in the journal (E-07).
#pragma once

#include "agent/acme/authority.hpp"
#include "base/result.hpp"
#include "base/time.hpp"

#include <optional>
#include <string>

namespace mxseal::agent {

class BackOff {
public:
    BackOff(Journal& journal, std::string id) : journal_(journal), id_(std::move(id)) {}

    // `rate_limited` with the rest of the wait while one is running.
    Status check(Instant now) const;
    // Exactly `wait`, else 15 min doubled with each failure up to 1 d. Returns the wait.
    Result<Duration> failed(Instant now, std::optional<Duration> wait, const std::string& why);
    Status succeeded();

private:
    Journal& journal_;
    std::string id_;
};

} // namespace mxseal::agent
