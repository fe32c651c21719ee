#include "providers/rfc2136/rfc2136_driver.hpp"

#include "base/dns/signed_session.hpp"
#include "base/dns/tsig_record.hpp"
#include "base/dns/wire.hpp"
#include "tests/unit/dns/scripted_server.hpp"

#include <catch2/catch.hpp>

using namespace mxseal;
using namespace mxseal::providers;
using dns::ScriptedServer;
using dns::Transport;

namespace {

const dns::Name kApex = dns::Name::parse("example.test").value();
const Zone kZone{kApex, "", std::nullopt};
const dns::Name kOwner = kApex.prefixed("a").value();
const Bytes kValue{1, 'x'};

dns::TsigKey test_key() { return {dns::Name::parse("mxseal").value(), dns::TsigAlgorithm::hmac_sha256, Secret(std::string_view("a secret"))}; }

bool is_update(const Bytes& request) { return (request[2] >> 3 & 0x0f) == 5; }

// Where the first question of `request` ends.
std::size_t question_end(const Bytes& request) {
    std::size_t at = 12;
    while (request[at] != 0) at += request[at] + 1u;
    return at + 5;
}

// The driver asks for a name that nobody has, to find wildcards.
bool is_probe(const Bytes& request) { return to_text(ByteView(request).subspan(13, 12)) == "mxseal-probe"; }

// A signed answer with authority; `text` is the one TXT value at the owner, if any.
Bytes answer(const Bytes& request, int rcode, const std::optional<Bytes>& text = std::nullopt) {
    auto place = dns::find_tsig(request).value().value();
    Bytes reply(request.begin(), request.begin() + static_cast<std::ptrdiff_t>(question_end(request)));
    for (std::size_t i = 6; i < 12; ++i) reply[i] = 0;
    reply[2] = static_cast<std::uint8_t>((request[2] & 0x78) | 0x84);
    reply[3] = static_cast<std::uint8_t>(rcode);
    if (text && !is_probe(request)) {
        reply[7] = 1;
        for (int octet : {0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 60, 0, static_cast<int>(text->size())}) reply.push_back(static_cast<std::uint8_t>(octet));
        reply.insert(reply.end(), text->begin(), text->end());
    }
    return dns::tsig_sign_answer(reply, test_key(), SystemClock().wall(), place.record.mac).value().wire;
}

struct Counts {
    int queries = 0, updates = 0;
};

// A primary that answers each update with `rcode` and never changes what it holds.
ScriptedServer::Script stubborn(Counts& counts, int rcode, std::optional<Bytes> text = std::nullopt) {
    return [&counts, rcode, text](const Bytes& request, Transport) {
        (is_update(request) ? counts.updates : counts.queries) += 1;
        return std::vector<Bytes>{is_update(request) ? answer(request, rcode) : answer(request, 0, text)};
    };
}

Result<Ticket> add_at(std::vector<dns::Endpoint> servers) {
    SystemClock clock;
    auto driver = make_rfc2136_driver({std::move(servers), test_key()}, clock).value();
    return driver->apply(kZone, {{kOwner, dns::Type::txt, Add{{kValue}, Ttl(60)}, Any{}}});
}

} // namespace

TEST_CASE("a driver without a server or a secret is refused") {
    SystemClock clock;
    CHECK(make_rfc2136_driver({{}, test_key()}, clock).error().code() == ErrorCode::invalid);
    CHECK(make_rfc2136_driver({{{"127.0.0.1", 53}}, dns::TsigKey{}}, clock).error().code() == ErrorCode::invalid);
}

TEST_CASE("an update that the server accepts and drops is an error") {
    Counts counts;
    ScriptedServer server(stubborn(counts, 0));
    CHECK(add_at({server.endpoint()}).error().code() == ErrorCode::not_published);
    CHECK(counts.updates == 1);
}

TEST_CASE("an update after which something else stands there is ambiguous") {
    int queries = 0;
    ScriptedServer server([&](const Bytes& request, Transport) {
        if (is_update(request)) return std::vector<Bytes>{answer(request, 0)};
        return std::vector<Bytes>{answer(request, 0, ++queries == 1 ? std::nullopt : std::optional<Bytes>(Bytes{1, 'y'}))};
    });
    CHECK(add_at({server.endpoint()}).error().code() == ErrorCode::ambiguous);
}

TEST_CASE("a race that is lost again and again ends after three times") {
    Counts counts;
    ScriptedServer server(stubborn(counts, 8));
    CHECK(add_at({server.endpoint()}).error().code() == ErrorCode::precondition);
    CHECK(counts.updates == 3);
    CHECK(counts.queries == 3);
}

TEST_CASE("SERVFAIL and NOTIMP lead to the next listed primary, every other refusal is final") {
    for (int rcode : {1, 2, 4, 5, 9, 10}) {
        Counts first, second;
        ScriptedServer one(stubborn(first, rcode)), two(stubborn(second, 0));
        CHECK_FALSE(add_at({one.endpoint(), two.endpoint()}).ok());
        INFO("RCODE " << rcode);
        CHECK(first.updates == 1);
        CHECK(second.updates == (rcode == 2 || rcode == 4 ? 1 : 0));
    }
}

TEST_CASE("a change that is there already is not sent") {
    Counts counts;
    ScriptedServer server(stubborn(counts, 0, kValue));
    CHECK(add_at({server.endpoint()}).ok());
    CHECK(counts.updates == 0);
}

TEST_CASE("a server that hangs up between two questions is asked anew") {
    // One question a connection: the script's silence closes it.
    int asked = 0;
    ScriptedServer server([&](const Bytes& request, Transport) {
        return ++asked % 2 == 0 ? std::vector<Bytes>{} : std::vector<Bytes>{answer(request, 0, kValue)};
    });
    SystemClock clock;
    auto driver = make_rfc2136_driver({{server.endpoint()}, test_key()}, clock).value();
    auto same = driver->apply(kZone, {{kOwner, dns::Type::txt, Add{{kValue}, Ttl(60)}, Any{}},
                                      {kApex, dns::Type::txt, Add{{kValue}, Ttl(60)}, Any{}}});
    CHECK(same.ok());
    CHECK(asked == 5); // two values, one probe, two of them twice
}

TEST_CASE("a server that takes the connection and is silent ends a call in time") {
    Counts counts;
    ScriptedServer server(stubborn(counts, 0));
    // It serves one connection at a time, and this one stays.
    auto first = dns::TcpConnection::open(server.endpoint(), dns::Deadline::in(std::chrono::seconds(5)));
    REQUIRE(first.ok());
    SystemClock clock;
    auto driver = make_rfc2136_driver({{server.endpoint()}, test_key(), std::chrono::milliseconds(300), std::chrono::milliseconds(100)}, clock).value();
    CHECK(driver->read(kZone, kOwner, dns::Type::txt).error().code() == ErrorCode::transient);
    CHECK(driver->apply(kZone, {{kOwner, dns::Type::txt, Add{{kValue}, Ttl(60)}, Any{}}}).error().code() == ErrorCode::transient);
    CHECK(counts.updates == 0);
}

TEST_CASE("the SOA of the target of an alias is not taken for the zone of the name") {
    // a.example.test CNAME b.test (same server), with the SOA of "test" behind it; then the answer for example.test itself.
    ScriptedServer server([](const Bytes& request, Transport) {
        auto place = dns::find_tsig(request).value().value();
        auto parsed = dns::parse_message(request).value();
        Bytes reply(request.begin(), request.begin() + static_cast<std::ptrdiff_t>(question_end(request)));
        for (std::size_t i = 6; i < 12; ++i) reply[i] = 0;
        reply[2] = 0x84;
        bool alias = parsed.question->name == kOwner;
        reply[7] = 1;
        reply[9] = alias ? 1 : 0;
        // The root of "test" within the question: after 12 octets of header, "1 a" and "7 example", or "7 example" alone.
        auto test_at = static_cast<std::uint8_t>(12 + (alias ? 2 : 0) + 8);
        Bytes cname{0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 60, 0, 4, 1, 'b', 0xc0, test_at};
        Bytes soa{0xc0, alias ? test_at : std::uint8_t{12}, 0, 6, 0, 1, 0, 0, 0, 60, 0, 22, 0, 0};
        soa.insert(soa.end(), 20, 0);
        if (alias) reply.insert(reply.end(), cname.begin(), cname.end());
        reply.insert(reply.end(), soa.begin(), soa.end());
        return std::vector<Bytes>{dns::tsig_sign_answer(reply, test_key(), SystemClock().wall(), place.record.mac).value().wire};
    });
    SystemClock clock;
    auto driver = make_rfc2136_driver({{server.endpoint()}, test_key()}, clock).value();
    CHECK(driver->find_zone(kOwner).value().apex == kApex);
}
