#include "base/dns/signed_session.hpp"

#include "base/dns/tsig_record.hpp"
#include "base/dns/update.hpp"
#include "tests/unit/dns/scripted_server.hpp"

#include <catch2/catch.hpp>

using namespace mxseal;
using namespace mxseal::dns;

namespace {

const Instant kNow = Instant(std::chrono::seconds(1795321448));
const Question kQuestion{Name::parse("example.test").value(), Type::soa};

class FixedClock final : public Clock {
public:
    Instant wall() const override { return kNow; }
    BootTime boot_time() const override { return {}; }
    std::string boot_id() const override { return "test"; }
};

TsigKey test_key() { return {Name::parse("mxseal").value(), TsigAlgorithm::hmac_sha256, Secret(std::string_view("a secret"))}; }

// What the server does to an answer, beside signing it.
struct Manner {
    int rcode = 0;
    TsigAnswer tsig;
    Instant at = kNow;
    enum class Seal { full, none, bad_key } seal = Seal::full;
};

Bytes reply_to(const Bytes& request, const Manner& manner) {
    auto place = find_tsig(request).value().value();
    Bytes reply(request.begin(), request.begin() + 12 + 18);
    for (std::size_t i = 6; i < 12; ++i) reply[i] = 0;
    reply[2] = static_cast<std::uint8_t>((request[2] & 0x78) | 0x84);
    reply[3] = static_cast<std::uint8_t>(manner.rcode);
    if (manner.seal == Manner::Seal::none) return reply;
    if (manner.seal == Manner::Seal::full) return tsig_sign_answer(reply, test_key(), manner.at, place.record.mac, manner.tsig).value().wire;
    auto record = place.record;
    record.mac.clear();
    record.error = 17;
    auto tail = wire_of(record);
    reply[11] = 1;
    reply.insert(reply.end(), tail.begin(), tail.end());
    return reply;
}

template <class Act>
auto with_server(const Manner& manner, Act act) {
    ScriptedServer server([&](const Bytes& request, Transport) { return std::vector<Bytes>{reply_to(request, manner)}; });
    return act(server.endpoint());
}

Result<Message> ask(const Manner& manner) {
    return with_server(manner, [](const Endpoint& server) {
        auto key = test_key();
        FixedClock clock;
        auto deadline = Deadline::in(std::chrono::seconds(5));
        return SignedSession::open(server, key, clock, deadline).value().ask(kQuestion, deadline);
    });
}

Result<Instant> ask_time(const Manner& manner) {
    return with_server(manner, [](const Endpoint& server) {
        auto key = test_key();
        FixedClock clock;
        auto deadline = Deadline::in(std::chrono::seconds(5));
        return SignedSession::open(server, key, clock, deadline).value().ask_time(kQuestion, deadline);
    });
}

Status update(const Manner& manner) {
    return with_server(manner, [](const Endpoint& server) {
        auto key = test_key();
        FixedClock clock;
        Update change{kQuestion.name, {}, {{kQuestion.name, Type::txt, Ttl(60), {{1, 'x'}}}}};
        return send_update(server, key, clock, change, Deadline::in(std::chrono::seconds(5)));
    });
}

// RFC 8945 section 5.2.3: 48 bits of seconds.
TsigAnswer bad_time(std::int64_t server_s) {
    Bytes other;
    for (int shift = 40; shift >= 0; shift -= 8) other.push_back(static_cast<std::uint8_t>(server_s >> shift & 0xff));
    return {18, other, 0};
}

} // namespace

TEST_CASE("a signed answer to a query is believed") { CHECK(ask({}).value().rcode == 0); }

TEST_CASE("a signed refusal of a query is an answer too") { CHECK(ask({.rcode = 5, .tsig = {}}).value().rcode == 5); }

TEST_CASE("an unsigned answer to a query is not believed") {
    Manner manner{.rcode = 0, .tsig = {}, .at = kNow, .seal = Manner::Seal::none};
    CHECK(ask(manner).error().code() == ErrorCode::auth_failed);
    manner.rcode = 5;
    CHECK(ask(manner).error().code() == ErrorCode::not_managed);
    manner.rcode = 9;
    CHECK(ask(manner).error().code() == ErrorCode::not_managed);
}

TEST_CASE("BADKEY is a matter of credentials") {
    Manner manner{.rcode = 9, .tsig = {}, .at = kNow, .seal = Manner::Seal::bad_key};
    CHECK(ask(manner).error().code() == ErrorCode::auth_failed);
    auto refused = update(manner);
    CHECK(refused.error().code() == ErrorCode::auth_failed);
    CHECK_THAT(refused.error().message(), Catch::Contains("mxseal") && Catch::Contains("nothing was changed"));
}

TEST_CASE("BADTIME tells by how much the clocks differ") {
    Manner manner{.rcode = 9, .tsig = bad_time(1795321448 + 3600)};
    auto refused = update(manner);
    REQUIRE(refused.error().code() == ErrorCode::clock_skew);
    CHECK_THAT(refused.error().message(), Catch::Contains("1h behind"));
    CHECK(ask(manner).error().code() == ErrorCode::clock_skew);
    CHECK(ask_time(manner).value() == kNow + std::chrono::hours(1));
}

TEST_CASE("the server's time is the time signed") { CHECK(ask_time({.rcode = 0, .tsig = {}, .at = kNow + std::chrono::seconds(9)}).value() == kNow + std::chrono::seconds(9)); }

TEST_CASE("an answer signed at another time is not believed") {
    Manner manner{.rcode = 0, .tsig = {}, .at = kNow - std::chrono::minutes(6)};
    CHECK(ask(manner).error().code() == ErrorCode::clock_skew);
    CHECK(ask_time(manner).error().code() == ErrorCode::clock_skew);
    CHECK(update(manner).error().code() == ErrorCode::ambiguous);
}

TEST_CASE("an update is done when the server says so with a signature") {
    CHECK(update({}).ok());
    CHECK(update({.rcode = 8, .tsig = {}}).error().code() == ErrorCode::precondition);
    CHECK(update({.rcode = 5, .tsig = {}}).error().code() == ErrorCode::auth_failed);
}

TEST_CASE("an update whose answer is unsigned or cut short in its MAC may have been done") {
    CHECK(update({.rcode = 0, .tsig = {}, .at = kNow, .seal = Manner::Seal::none}).error().code() == ErrorCode::ambiguous);
    CHECK(update({.rcode = 5, .tsig = {}, .at = kNow, .seal = Manner::Seal::none}).error().code() == ErrorCode::ambiguous);
    CHECK(update({.rcode = 0, .tsig = {0, {}, 16}}).error().code() == ErrorCode::ambiguous);
}

TEST_CASE("an update whose connection breaks may have been done") {
    auto key = test_key();
    FixedClock clock;
    ScriptedServer mute([](const Bytes&, Transport) { return std::vector<Bytes>{}; });
    Update change{kQuestion.name, {}, {{kQuestion.name, Type::txt, Ttl(60), {{1, 'x'}}}}};
    CHECK(send_update(mute.endpoint(), key, clock, change, Deadline::in(std::chrono::seconds(5))).error().code() == ErrorCode::ambiguous);
}

TEST_CASE("what is no DNS message, or answers something else, does not count") {
    auto key = test_key();
    FixedClock clock;
    Bytes reply{1, 2, 3};
    ScriptedServer server([&](const Bytes& request, Transport) {
        if (reply.size() > 11) reply[0] = static_cast<std::uint8_t>(request[0] ^ 1);
        return std::vector<Bytes>(4, reply);
    });
    auto deadline = Deadline::in(std::chrono::seconds(5));
    CHECK(SignedSession::open(server.endpoint(), key, clock, deadline).value().ask(kQuestion, deadline).error().code() == ErrorCode::protocol);
    reply = Bytes{0, 0, 0x84, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    CHECK(SignedSession::open(server.endpoint(), key, clock, deadline).value().ask(kQuestion, deadline).error().code() == ErrorCode::protocol);
}
