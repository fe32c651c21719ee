#include "base/dns/query.hpp"

#include "base/dns/wire.hpp"
#include "tests/unit/dns/scripted_server.hpp"

#include <atomic>
#include <set>

#include <catch2/catch.hpp>

using namespace mxseal;
using namespace mxseal::dns;

namespace {

const Question kQuestion{Name::parse("mx1.example.test").value(), Type::a};

QueryOptions quick() {
    QueryOptions options;
    options.timeout = std::chrono::milliseconds(150);
    return options;
}

// The request as an answer: QR and AA set, one A record behind the question, no OPT.
Bytes answer_to(const Bytes& request, std::uint8_t last_octet = 1) {
    Bytes reply(request.begin(), request.begin() + 12 + 18 + 4);
    reply[2] = 0x84;
    reply[3] = 0;
    reply[7] = 1;
    reply[11] = 0;
    for (int octet : {0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 192, 0, 2}) reply.push_back(static_cast<std::uint8_t>(octet));
    reply.push_back(last_octet);
    return reply;
}

} // namespace

TEST_CASE("a question is answered over UDP, in both families") {
    for (const char* address : {"127.0.0.1", "::1"}) {
        ScriptedServer server([](const Bytes& request, Transport) { return std::vector<Bytes>{answer_to(request)}; }, address);
        auto answer = exchange(server.endpoint(), kQuestion);
        REQUIRE(answer.ok());
        CHECK(answer->authoritative);
        REQUIRE(answer->answer.size() == 1);
        CHECK(answer->answer[0] == Record{kQuestion.name, Type::a, Ttl(300), {192, 0, 2, 1}});
        CHECK(answer->summary() == "NOERROR aa, 1 answer");
    }
}

TEST_CASE("the question carries EDNS with DO and 1232 octets, and no RD, unless it is told otherwise") {
    Bytes seen;
    ScriptedServer server([&](const Bytes& request, Transport) {
        seen = request;
        return std::vector<Bytes>{answer_to(request)};
    });
    REQUIRE(exchange(server.endpoint(), kQuestion).ok());
    CHECK((seen[2] & 1) == 0);
    CHECK(to_hex(ByteView(seen).subspan(34)) == "00002904d0000080000000");
    auto options = quick();
    options.recursion_desired = true;
    options.dnssec_ok = false;
    REQUIRE(exchange(server.endpoint(), kQuestion, options).ok());
    CHECK((seen[2] & 1) == 1);
    CHECK(seen.size() == 34);
}

TEST_CASE("answers with another id, question or direction are passed over") {
    ScriptedServer server([](const Bytes& request, Transport) {
        auto good = answer_to(request, 1), other_id = answer_to(request, 2), other_name = answer_to(request, 3), no_answer = answer_to(request, 4),
             other_type = answer_to(request, 5), noise = Bytes{1, 2, 3};
        other_id[1] ^= 1;
        other_name[15] ^= 1;
        no_answer[2] &= 0x7f;
        other_type[31] = 28;
        return std::vector<Bytes>{noise, other_id, other_name, no_answer, other_type, good};
    });
    CHECK(exchange(server.endpoint(), kQuestion)->answer.at(0).rdata.back() == 1);
}

TEST_CASE("a flood of strange answers ends in an error") {
    ScriptedServer server([](const Bytes& request, Transport) {
        auto strange = answer_to(request);
        strange[0] ^= 0x55;
        return std::vector<Bytes>(80, strange);
    });
    auto options = quick();
    options.udp_tries = 1;
    CHECK_FALSE(exchange(server.endpoint(), kQuestion, options).ok());
}

TEST_CASE("the case of the question's letters does not matter") {
    ScriptedServer server([](const Bytes& request, Transport) {
        auto reply = answer_to(request);
        reply[13] = 'M';
        return std::vector<Bytes>{reply};
    });
    CHECK(exchange(server.endpoint(), kQuestion)->answer.at(0).owner == kQuestion.name);
}

TEST_CASE("a truncated answer is asked again over TCP") {
    std::atomic<int> tcp{0};
    ScriptedServer server([&](const Bytes& request, Transport transport) {
        auto reply = answer_to(request, transport == Transport::tcp ? 7 : 1);
        if (transport == Transport::udp) reply[2] |= 2;
        tcp += transport == Transport::tcp ? 1 : 0;
        return std::vector<Bytes>{reply};
    });
    CHECK(exchange(server.endpoint(), kQuestion)->answer.at(0).rdata.back() == 7);
    CHECK(tcp == 1);
}

TEST_CASE("each try has another id, and silence is a passing error") {
    std::set<std::pair<int, int>> ids;
    ScriptedServer server([&](const Bytes& request, Transport) {
        ids.emplace(request[0], request[1]);
        return std::vector<Bytes>{};
    });
    auto options = quick();
    options.udp_tries = 4;
    auto answer = exchange(server.endpoint(), kQuestion, options);
    REQUIRE_FALSE(answer.ok());
    CHECK(answer.error().code() == ErrorCode::transient);
    CHECK(ids.size() >= 3); // two of four may meet by chance
}

TEST_CASE("without UDP the question goes over TCP, and a closed connection is a passing error") {
    std::atomic<bool> mute{false};
    ScriptedServer server([&](const Bytes& request, Transport transport) {
        return mute || transport == Transport::udp ? std::vector<Bytes>{} : std::vector<Bytes>{answer_to(request)};
    });
    auto options = quick();
    options.udp_tries = 0;
    CHECK(exchange(server.endpoint(), kQuestion, options).ok());
    mute = true;
    CHECK(exchange(server.endpoint(), kQuestion, options).error().code() == ErrorCode::transient);
}

TEST_CASE("over TCP an answer to something else is a breach of protocol") {
    ScriptedServer server([](const Bytes& request, Transport) {
        auto strange = answer_to(request);
        strange[0] ^= 0x55;
        return std::vector<Bytes>{strange};
    });
    auto options = quick();
    options.udp_tries = 0;
    CHECK(exchange(server.endpoint(), kQuestion, options).error().code() == ErrorCode::protocol);
}

TEST_CASE("a server that could not read the question may leave it out, others not") {
    std::uint8_t rcode = 1;
    ScriptedServer server([&](const Bytes& request, Transport) {
        return std::vector<Bytes>{Bytes{request[0], request[1], 0x80, rcode, 0, 0, 0, 0, 0, 0, 0, 0}};
    });
    CHECK(exchange(server.endpoint(), kQuestion, quick())->rcode == 1);
    rcode = 5;
    CHECK_FALSE(exchange(server.endpoint(), kQuestion, quick()).ok());
}

TEST_CASE("an address that is none is refused") {
    CHECK(exchange({"mx1.example.test", 53}, kQuestion, quick()).error().code() == ErrorCode::invalid);
}
