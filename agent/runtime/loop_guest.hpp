// LoopGuest: what the control thread drives beside Runtime. Called on that thread only.
#pragma once

#include "base/json.hpp"
#include "base/result.hpp"
#include "base/time.hpp"

#include <cstddef>
#include <optional>

namespace mxseal::agent {

class LoopGuest {
public:
    virtual ~LoopGuest() = default;
    virtual void tick() = 0;
    // When tick() has something to do again; absent: only an arrival can bring work.
    virtual std::optional<Instant> next_due() const = 0;
    // Its part of Desk::status().
    virtual void add_to(Json& status) = 0;
    // Its part of Desk::plan() of everything.
    virtual void add_plans(Json& plan) = 0;
    // Desk::request() of a command about mail domains.
    virtual Result<Json> request(const Json& body) = 0;
};

} // namespace mxseal::agent
