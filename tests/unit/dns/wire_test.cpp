#include "base/dns/wire.hpp"

#include <catch2/catch.hpp>

using namespace mxseal;
using namespace mxseal::dns;

namespace {

Bytes hex(std::string_view text) { return from_hex(text).value(); }

// Header of an answer with these counts, and the question example.test of a type.
std::string answer_head(const char* counts, const char* type) { return std::string("12348400") + counts + "076578616d706c65047465737400" + type + "0001"; }

} // namespace

TEST_CASE("names in rdata come out uncompressed and in lower case") {
    // MX 10 MX1.<pointer to example.test>, TTL 300
    auto parsed = parse_message(hex(answer_head("0001000100000000", "000f") + "c00c000f00010000012c0008000a034d5831c00c"));
    REQUIRE(parsed.ok());
    REQUIRE(parsed->message.answer.size() == 1);
    CHECK(to_hex(parsed->message.answer[0].rdata) == "000a036d7831076578616d706c65047465737400");
    CHECK(parsed->message.answer[0].owner.text() == "example.test");
    CHECK(parsed->message.answer[0].type == Type::mx);
    CHECK(parsed->question->type == Type::mx);
}

TEST_CASE("a TTL with the highest bit set counts as zero") {
    auto parsed = parse_message(hex(answer_head("0001000100000000", "0001") + "c00c0001000180000001000401020304"));
    CHECK(parsed.value().message.answer.at(0).ttl == Ttl(0));
}

TEST_CASE("OPT and TSIG are no records, and OPT raises the response code") {
    // OPT: extended RCODE 1, so 16 with the header's 0
    auto parsed = parse_message(hex(answer_head("0001000000000001", "0001") + "00002904d0010080000000"));
    REQUIRE(parsed.ok());
    CHECK(parsed->message.additional.empty());
    CHECK(parsed->message.rcode == 16);
}

TEST_CASE("a message with more than one OPT or TSIG is refused") {
    const std::string options = "00002904d00000000000040003" "0000", opt = "00002904d0000000000000";
    CHECK(parse_message(hex(answer_head("0001000000000001", "0001") + options)).ok());
    CHECK(parse_message(hex(answer_head("0001000000000002", "0001") + options + options)).error().code() == ErrorCode::protocol);
    CHECK(parse_message(hex(answer_head("0001000000000002", "0001") + opt + opt)).error().code() == ErrorCode::protocol);
    // What the fuzzer found: twice a TSIG without a name.
    const auto found = from_base64("rwCAAAAAAAEAABAAAQACAAAAAAAAAAAAAAAAAAAA+gABAAIAvQAAAAAABgAAAAAAAAIAAAAAAAAAAAAAAAAAAAD6AAEAAgACAAAAAAAAAAZBAAAAAAA=");
    CHECK(parse_message(found.value()).error().code() == ErrorCode::protocol);
}

TEST_CASE("records of another class, and owners that are no host names, are left out") {
    auto chaos = parse_message(hex(answer_head("0001000100000000", "0001") + "c00c000100030000012c000401020304"));
    CHECK(chaos.value().message.answer.empty());
    auto wildcard = parse_message(hex(answer_head("0001000100000000", "0001") + "012ac00c000100010000012c000401020304"));
    CHECK(wildcard.value().message.answer.empty());
}

TEST_CASE("records of unknown types keep their octets") {
    auto parsed = parse_message(hex(answer_head("0001000100000000", "ff00") + "c00cff0000010000012c00050001020304"));
    CHECK(to_hex(parsed.value().message.answer.at(0).rdata) == "0001020304");
    CHECK(to_string(parsed->message.answer[0].type) == "TYPE65280");
}

TEST_CASE("what is cut or points in circles is no message") {
    auto whole = hex(answer_head("0001000100000000", "000f") + "c00c000f00010000012c0008000a034d5831c00c");
    for (std::size_t size = 0; size < whole.size(); ++size)
        CHECK(parse_message(ByteView(whole).first(size)).error().code() == ErrorCode::protocol);
    auto circle = hex("1234840000010000000000" "00" "c00c00010001");
    CHECK_FALSE(parse_message(circle).ok());
}

TEST_CASE("an answer to an update may repeat its sections") {
    // Zone example.test SOA; prerequisite: no TLSA there (class NONE); update: delete the RRset (class ANY).
    auto parsed = parse_message(hex("1234a8000001000100010000076578616d706c650474657374000006000"
                                    "1c00c003400fe000000000000c00c003400ff000000000000"));
    REQUIRE(parsed.ok());
    CHECK(parsed->opcode == 5);
    CHECK(parsed->message.answer.empty());
    CHECK(parsed->message.authority.empty());
}
