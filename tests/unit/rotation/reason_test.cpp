#include "rotation/reason.hpp"

#include <catch2/catch.hpp>

using namespace mxseal;
using namespace mxseal::rotation;
using namespace std::chrono_literals;

TEST_CASE("a wait prints as one sentence with its arithmetic, terms of zero left out") {
    const auto base = *parse_rfc3339("2026-11-22T12:25:00Z");
    const Reason reason = wait_until("wait.cleanup", "the record may be removed from", "last seen at", base, {{"safety_margin", 16min}, {"rollback_hold", 0s}});
    CHECK(reason.until == base + 16min);
    CHECK(reason.sentence() == "the record may be removed from 2026-11-22T12:41:00Z: last seen at 2026-11-22T12:25:00Z + safety_margin 16m");
}

TEST_CASE("a refusal ends with what the operator can do") {
    CHECK(because("halt.cname", "a CNAME stands at the owner", "remove it").sentence() == "a CNAME stands at the owner; remove it");
}
