#include "agent/domains/report_record.hpp"

#include <catch2/catch.hpp>

using namespace mxseal;
using namespace mxseal::agent;
using rotation::mta_sts::RrsetAnswer;
using rotation::mta_sts::RrsetRound;
using rotation::mta_sts::Values;
using State = ReportRecordSeen::State;

namespace {

const std::string kOurs = report_record_of({"mailto:tlsrpt@reports.example.net"});
const std::string kBefore = report_record_of({"mailto:old@reports.example.net"});
const std::string kTheirs = "v=TLSRPTv1;rua=mailto:them@example.com";

RrsetAnswer answer(int number, Values values) { return {"ns" + std::to_string(number), "192.0.2." + std::to_string(number), true, std::move(values), Ttl(3600), {}}; }
RrsetAnswer silent(int number) { return {"ns" + std::to_string(number), "192.0.2." + std::to_string(number), false, {}, Ttl(0), "no answer in time"}; }

ReportRecordSeen judge(std::vector<RrsetAnswer> servers) {
    RrsetRound round;
    round.rrset.servers = std::move(servers);
    return judge_report_record(round, kOurs, kBefore);
}

} // namespace

TEST_CASE("a report record names all addresses, and what would end a URI is percent-encoded", "[domains][tls-rpt]") {
    CHECK(kOurs == "v=TLSRPTv1; rua=mailto:tlsrpt@reports.example.net");
    CHECK(report_record_of({"mailto:a@example.org", "https://r.example.org/t?a=1&b=%20"}) == "v=TLSRPTv1; rua=mailto:a@example.org,https://r.example.org/t?a=1&b=%20");
    CHECK(report_record_of({"mailto:a,b@example.org", "https://r.example.org/a!b;c d\"\xc3"}) == "v=TLSRPTv1; rua=mailto:a%2Cb@example.org,https://r.example.org/a%21b%3Bc%20d%22%C3");
}

TEST_CASE("what senders take for a report record begins with v=TLSRPTv1 and a semicolon", "[domains][tls-rpt]") {
    CHECK(is_report_record(kTheirs));
    for (const char* other : {"v=TLSRPTv1 ; rua=mailto:a@example.org", "v=tlsrptv1; rua=", " v=TLSRPTv1;", "v=TLSRPTv2;", ""}) CHECK_FALSE(is_report_record(other));
}

TEST_CASE("the record is in place when every server has ours alone, whatever else the name has", "[domains][tls-rpt]") {
    CHECK(judge({answer(1, {kOurs}), answer(2, {kOurs, "verification=1"})}).state == State::in_place);
    CHECK(judge({answer(1, {kOurs}), answer(2, {})}).state == State::missing);
    CHECK(judge({answer(1, {}), answer(2, {"verification=1"})}).state == State::missing);
    const ReportRecordSeen late = judge({answer(1, {kOurs}), answer(2, {kBefore})});
    CHECK(late.state == State::missing);
    CHECK(late.detail == "ns2 (192.0.2.2) has our former record");
}

TEST_CASE("a record that is not ours is named, and one of several is worse", "[domains][tls-rpt]") {
    const ReportRecordSeen foreign = judge({answer(1, {kOurs}), answer(2, {kTheirs}), answer(3, {}), silent(4)});
    CHECK(foreign.state == State::foreign);
    CHECK(foreign.detail.find("ns2 (192.0.2.2) has '" + kTheirs + "'") != std::string::npos);
    CHECK(judge({answer(1, {kOurs, kTheirs}), answer(2, {kTheirs})}).state == State::several);
    CHECK(judge({answer(1, {kOurs, kBefore})}).state == State::several);
}

TEST_CASE("servers that do not answer leave the record unknown, and so does a round that could not be made", "[domains][tls-rpt]") {
    const ReportRecordSeen quiet = judge({answer(1, {kOurs}), silent(2)});
    CHECK(quiet.state == State::unknown);
    CHECK(quiet.detail == "ns2 (192.0.2.2): no answer in time");
    CHECK(judge({answer(1, {}), silent(2)}).state == State::missing);
    CHECK(judge({}).state == State::unknown);
    RrsetRound broken;
    broken.error = "the zone cannot be found";
    broken.rrset.servers = {answer(1, {kOurs})};
    CHECK(judge_report_record(broken, kOurs, std::nullopt).state == State::unknown);
    CHECK(judge_report_record(broken, kOurs, std::nullopt).detail == "the zone cannot be found");
}

TEST_CASE("ours goes in beside the records of others, in place of our former one, and never over a foreign one", "[domains][tls-rpt]") {
    CHECK(with_report_record({}, kOurs, std::nullopt) == Values{kOurs});
    CHECK(with_report_record({"a=1", kBefore, "z=2"}, kOurs, kBefore) == Values{"a=1", kOurs, "z=2"});
    CHECK(with_report_record({"a=1", kOurs}, kOurs, kBefore) == Values{"a=1", kOurs});
    CHECK_FALSE(with_report_record({"a=1", kBefore}, kOurs, std::nullopt));
    CHECK_FALSE(with_report_record({kOurs, kTheirs}, kOurs, kBefore));
    CHECK(with_report_record({"a=1", kBefore}, "", kBefore) == Values{"a=1"});
}
