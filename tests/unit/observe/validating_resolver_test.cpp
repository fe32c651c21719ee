#include "agent/observe/validating_resolver.hpp"

#include "tests/unit/observe/dns_world.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <thread>

using namespace mxseal;
using namespace mxseal::agent;
using namespace mxseal::observe_test;
using rotation::tlsa::Security;

namespace {

Security security(DnsWorld& world, const std::string& name, dns::Type type) {
    const auto answer = world.resolver().resolve(dns::Name::parse(name).value(), type);
    REQUIRE(answer);
    INFO(answer->detail);
    CHECK_FALSE(answer->detail.empty());
    return answer->security;
}

} // namespace

TEST_CASE("a name is secure, insecure or bogus by our own validation from the root's key") {
    DnsWorld* world = DnsWorld::get();
    if (world == nullptr) return;
    CHECK(security(*world, "mx1.example.test", dns::Type::a) == Security::secure);
    CHECK(security(*world, "mx1.nsec3.test", dns::Type::a) == Security::secure);
    CHECK(security(*world, "nowhere.example.test", dns::Type::a) == Security::secure);
    CHECK(security(*world, "mx1.unsigned.test", dns::Type::a) == Security::insecure);
    CHECK(security(*world, "mx1.expired.test", dns::Type::a) == Security::bogus);
    CHECK(security(*world, "mx1.stripped.test", dns::Type::a) == Security::bogus);
    CHECK(security(*world, "_25._tcp.mx2.optout.test", dns::Type::tlsa) == Security::insecure);
}

TEST_CASE("an answer carries its records, and an alias its end") {
    DnsWorld* world = DnsWorld::get();
    if (world == nullptr) return;
    const auto answer = world->resolver().resolve(dns::Name::parse("host-alias.example.test").value(), dns::Type::a);
    REQUIRE(answer);
    CHECK(answer->canonical == dns::Name::parse("mx1.example.test").value());
    REQUIRE(answer->records.size() == 1);
    CHECK(answer->records[0].rdata == Bytes{192, 0, 2, 25});
}

TEST_CASE("many questions at once get their own answers") {
    DnsWorld* world = DnsWorld::get();
    if (world == nullptr) return;
    std::vector<std::thread> askers;
    std::array<std::uint8_t, 16> last{};
    for (std::size_t i = 0; i < last.size(); ++i)
        askers.emplace_back([&, i] {
            const auto answer = world->resolver().resolve(dns::Name::parse(i % 2 == 0 ? "mx1.example.test" : "mx2.example.test").value(), dns::Type::a);
            if (answer && answer->records.size() == 1) last[i] = answer->records[0].rdata.back();
        });
    for (std::thread& asker : askers) asker.join();
    for (std::size_t i = 0; i < last.size(); ++i) CHECK(last[i] == (i % 2 == 0 ? 25 : 26));
}

TEST_CASE("a resolver that does not answer is a transient error in time, and the next question still works") {
    DnsWorld* world = DnsWorld::get();
    if (world == nullptr) return;
    ResolverOptions options = world->resolver_options();
    options.timeout = std::chrono::milliseconds(1); // too short for any answer that goes over a socket and is validated
    auto resolver = ValidatingResolver::create(options);
    REQUIRE(resolver);
    int late = 0;
    for (int i = 0; i < 50; ++i) {
        const auto answer = (*resolver)->resolve(dns::Name::parse("mx1.example.test").value(), dns::Type::a);
        if (!answer && answer.error().code() == ErrorCode::transient) ++late;
    }
    CHECK(late > 0);
    resolver->reset(); // with answers still on their way
    CHECK(security(*world, "mx1.example.test", dns::Type::a) == Security::secure);
}

TEST_CASE("a trust anchor file that is missing or empty is refused by name") {
    ResolverOptions options;
    options.trust_anchors = {"/nonexistent/root.key"};
    const auto missing = ValidatingResolver::create(options);
    REQUIRE_FALSE(missing);
    CHECK(missing.error().code() == ErrorCode::invalid);
    CHECK(missing.error().message().find("/nonexistent/root.key") != std::string::npos);
    const TemporaryFolder folder;
    folder.write("empty.key", "; nothing\n\n");
    options.trust_anchors = {folder.path() / "empty.key"};
    CHECK_FALSE(ValidatingResolver::create(options));
}
