#include "agent/runtime/groups.hpp"

#include <catch2/catch.hpp>

using namespace mxseal;
using namespace mxseal::agent;

namespace {
MxHost mx(std::uint16_t preference, const char* host) { return {preference, *dns::Name::parse(host)}; }
} // namespace

TEST_CASE("hosts of one MX RRset are a group, hosts in none are grouped by zone") {
    Groups groups;
    groups.set_hosts({{"a.example.org", "example.org"}, {"b.example.org", "example.org"}, {"c.example.net", "example.net"}, {"d.example.net", "example.net"}});
    CHECK(groups.members_of("a.example.org").size() == 2);
    groups.add_mx("example.com", {mx(10, "a.example.org"), mx(20, "c.example.net")});
    CHECK(groups.members_of("a.example.org") == std::vector<std::string>{"a.example.org", "c.example.net"});
    CHECK(groups.members_of("b.example.org").size() == 1);
}

TEST_CASE("a host that left an MX RRset stays in its group") {
    Groups groups;
    groups.set_hosts({{"a.example.org", "example.org"}, {"c.example.net", "example.net"}});
    groups.add_mx("example.com", {mx(10, "a.example.org"), mx(20, "c.example.net")});
    groups.add_mx("example.com", {mx(10, "a.example.org")});
    CHECK(groups.members_of("a.example.org").size() == 2);
}

TEST_CASE("only a host that alone has the best preference goes last") {
    Groups groups;
    groups.set_hosts({{"a.example.org", "example.org"}, {"b.example.org", "example.org"}});
    groups.add_mx("example.com", {mx(10, "a.example.org"), mx(20, "b.example.org")});
    CHECK(groups.is_sole_best("a.example.org"));
    CHECK_FALSE(groups.is_sole_best("b.example.org"));
    groups.add_mx("example.com", {mx(10, "a.example.org"), mx(10, "b.example.org")});
    CHECK_FALSE(groups.is_sole_best("a.example.org"));
}
