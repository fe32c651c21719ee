#include "agent/domains/asked_records.hpp"

#include <catch2/catch.hpp>

using namespace mxseal;
using namespace mxseal::agent;

TEST_CASE("what is asked for is what is to come and what is to go, each as a line of a zone file", "[domains][operator]") {
    const auto txt = asked_records("_mta-sts.example.org", dns::Type::txt, {"kept", "v=STSv1; id=1;"}, {"kept", "v=STSv1; id=2;"}, Ttl{3600});
    CHECK(txt == AskedRecords{{"_mta-sts.example.org. 3600 IN TXT \"v=STSv1; id=2;\""}, {"_mta-sts.example.org. IN TXT \"v=STSv1; id=1;\""}});
    const auto mx = asked_records("example.org", dns::Type::mx, {"10 mx1.example.org"}, {"10 mx1.example.org", "10 mx2.example.org"}, Ttl{0});
    CHECK(mx == AskedRecords{{"example.org. IN MX 10 mx2.example.org."}, {}});
}

TEST_CASE("text that would break a zone file is escaped, and long text is several strings", "[domains][operator]") {
    CHECK(txt_line("a.example", "say \"yes\" \\ \n", Ttl{60}) == R"(a.example. 60 IN TXT "say \"yes\" \\ \010")");
    const std::string line = txt_line("a.example", std::string(256, 'x'), Ttl{60});
    CHECK(line == "a.example. 60 IN TXT \"" + std::string(255, 'x') + "\" \"x\"");
}
