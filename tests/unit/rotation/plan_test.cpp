#include "rotation/tlsa/plan.hpp"

#include <catch2/catch.hpp>

namespace mxseal::rotation::tlsa {

TEST_CASE("the plan of a host that nobody has looked at says who looks") {
    const auto steps = plan(HostState{}, Instant{}, Policy{}, Group{}, Reason{});
    REQUIRE(steps.size() == 2);
    CHECK(steps.front().what == "take the host over");
    CHECK(steps.front().reason.sentence().find("mxseal apply") != std::string::npos);
    CHECK_FALSE(steps.front().earliest);
}

TEST_CASE("the first step of a plan has the reason that the host waits for") {
    const auto steps = plan(HostState{}, Instant{}, Policy{}, Group{}, because("wait.file", "reads the MTA's file"));
    REQUIRE(!steps.empty());
    CHECK(steps.front().reason.sentence() == "reads the MTA's file");
}

} // namespace mxseal::rotation::tlsa
