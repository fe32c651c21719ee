// When the CA wants a certificate renewed (RFC 9773): what is asked, which answers count, and when a renewal follows.
#include "rotation/tlsa/plan.hpp"
#include "rotation/tlsa/step.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace mxseal;
using namespace mxseal::rotation;
using namespace mxseal::rotation::tlsa;
using namespace std::chrono_literals;

namespace {

const Instant kNoon = *parse_rfc3339("2026-11-22T12:00:00Z");
constexpr Duration kDay = 24h;

SpkiHash key_number(std::uint8_t number) {
    SpkiHash key;
    key.digest.fill(number);
    return key;
}

Chain chain_of(const SpkiHash& key, std::uint8_t serial, Instant from, Duration lifetime) {
    Chain chain;
    chain.key = key;
    chain.certificates = {{Bytes(32, 1), Bytes(64, 1), Bytes(32, serial), Bytes(64, serial)}};
    chain.not_before = from;
    chain.not_after = from + lifetime;
    chain.names_host = chain.links = true;
    return chain;
}

// A host at rest with a certificate of ten days ago, valid for ninety.
struct World {
    HostState state;
    Policy policy;
    Instant now = kNoon;
    Decision last;

    World() {
        policy.asks_renewal_info = true;
        policy.host = "mx1.example.org";
        Key key;
        key.spki = key_number(1);
        key.chain = chain_of(key.spki, 1, kNoon - 10 * kDay, 90 * kDay);
        state.keys.push_back(key);
        state.lines.push_back({Algorithm::ecdsa_p256, key.spki, {}});
        state.adopted = kNoon - 10 * kDay;
    }
    Key& key() { return state.keys.front(); }
    void step(const Event& event) { last = tlsa::step(state, event, now, policy, Group{}); }
    void time(Duration passed) {
        now += passed;
        step(TimeReached{});
    }
    bool asks(Task task) const { return std::any_of(last.actions.begin(), last.actions.end(), [&](const Action& action) { return task_of(action) == task; }); }
    bool noted(std::string_view event) const { return std::any_of(last.notes.begin(), last.notes.end(), [&](const Note& note) { return note.event == event; }); }
    void told(std::optional<RenewalWindow> window, std::optional<Duration> retry_after = std::nullopt, Instant drawn = {}, std::string trouble = {}) {
        step(RenewalInfoTold{key_number(1), Bytes(32, 1), window, drawn, retry_after, "", std::move(trouble)});
    }
    // How long the CA is left alone after its answer, looked for minute by minute.
    Duration pause() {
        const Instant since = now;
        while (!asks(Task::renewal_info) && now - since < 3 * kDay) time(1min);
        return now - since;
    }
};

const RenewalWindow kLater{kNoon + 50 * kDay, kNoon + 52 * kDay};

} // namespace

TEST_CASE("the CA is asked about the certificate of a key in use, once at a time") {
    World world;
    world.step(Started{});
    REQUIRE(world.asks(Task::renewal_info));
    const auto* ask = std::get_if<AskRenewalInfo>(&*std::find_if(world.last.actions.begin(), world.last.actions.end(), [](const Action& each) { return task_of(each) == Task::renewal_info; }));
    REQUIRE(ask != nullptr);
    CHECK(ask->key == key_number(1));
    CHECK(ask->certificate == Bytes(32, 1));
    world.time(1min);
    CHECK_FALSE(world.asks(Task::renewal_info));
}

TEST_CASE("nobody is asked about a certificate that no CA of ours issued, that has expired, or whose key is retired") {
    World foreign, own, expired, retired;
    foreign.policy.asks_renewal_info = false;
    own.key().chain->self_signed = true;
    expired.key().chain->not_after = kNoon;
    retired.state.lines.front().current.reset();
    for (World* world : {&foreign, &own, &expired, &retired}) {
        world->step(Started{});
        CHECK_FALSE(world->asks(Task::renewal_info));
    }
}

TEST_CASE("the CA's Retry-After counts between a minute and a day, six hours without one") {
    const std::vector<std::pair<std::optional<Duration>, Duration>> table{{std::nullopt, 6h}, {0s, 1min}, {30s, 1min}, {1h, 1h}, {30h, 24h}, {365 * kDay, 24h}};
    for (const auto& [asked, expected] : table) {
        World world;
        world.step(Started{});
        world.told(kLater, asked, kLater.start);
        CHECK(world.pause() == expected);
    }
}

TEST_CASE("without a usable answer the CA is asked again after six hours, not sooner than it wants") {
    for (auto window : {std::optional<RenewalWindow>(), std::optional(RenewalWindow{kNoon, kNoon}), std::optional(RenewalWindow{kNoon + 1h, kNoon})}) {
        World world;
        world.step(Started{});
        world.told(window, 1min);
        CHECK_FALSE(world.asks(Task::certificate)); // however early it lies
        CHECK(world.pause() == 6h);
        world.told(window, 20h);
        CHECK(world.pause() == 20h);
    }
}

TEST_CASE("an answer that could not be used is told once") {
    World world;
    world.step(Started{});
    world.told(std::nullopt, std::nullopt, {}, "no answer");
    CHECK(world.noted("certificate.window_unknown"));
    world.pause();
    world.told(std::nullopt, std::nullopt, {}, "no answer");
    CHECK_FALSE(world.noted("certificate.window_unknown"));
    world.pause();
    world.told(kLater, 1h, kLater.start);
    world.pause();
    world.told(std::nullopt, std::nullopt, {}, "no answer");
    CHECK(world.noted("certificate.window_unknown"));
}

TEST_CASE("the instant that was drawn stays while the window is the same, and is drawn anew with another window") {
    World world;
    world.step(Started{});
    world.told(kLater, 1h, kLater.start + 3h);
    CHECK(world.noted("certificate.window"));
    world.told(kLater, 1h, kLater.start + 7h);
    CHECK_FALSE(world.noted("certificate.window"));
    CHECK(world.key().renewal->at == kLater.start + 3h);
    // What was told stays in force while the CA says nothing.
    world.told(std::nullopt);
    CHECK(world.key().renewal->at == kLater.start + 3h);
    const RenewalWindow sooner{kNoon + 20 * kDay, kNoon + 21 * kDay};
    world.told(sooner, 1h, sooner.start + 5h);
    CHECK(world.key().renewal->at == sooner.start + 5h);
}

TEST_CASE("an instant outside of the window is moved into it") {
    World world;
    world.step(Started{});
    world.told(kLater, 1h, kNoon);
    CHECK(world.key().renewal->at == kLater.start);
}

TEST_CASE("a window that is over renews at once, with the key that is in use") {
    World world;
    world.step(Started{});
    world.told(RenewalWindow{kNoon - 2 * kDay, kNoon - kDay}, 1h, kNoon - kDay - 1h);
    REQUIRE(world.asks(Task::certificate));
    for (const Action& action : world.last.actions) {
        if (const auto* obtain = std::get_if<ObtainCertificate>(&action)) CHECK(obtain->key == key_number(1));
        CHECK_FALSE(std::holds_alternative<WriteTlsa>(action));
    }
    CHECK_FALSE(world.state.roll);
    CHECK(world.state.requests.empty());
    // The new certificate takes it away, and is asked about itself.
    world.step(CertificateObtained{key_number(1), chain_of(key_number(1), 2, kNoon, 90 * kDay)});
    CHECK_FALSE(world.asks(Task::certificate));
    CHECK(world.asks(Task::renewal_info));
    // An answer about the one before comes late.
    world.told(RenewalWindow{kNoon - 2 * kDay, kNoon - kDay}, 1h, kNoon - kDay - 1h);
    CHECK_FALSE(world.asks(Task::certificate));
}

TEST_CASE("the renewal is due at the drawn instant, before or after a third of the lifetime is left") {
    for (Instant drawn : {kNoon + 30 * kDay, kNoon + 60 * kDay}) { // E-14 alone: after 50 days
        World world;
        world.step(Started{});
        world.told(RenewalWindow{drawn - 1h, drawn + 1h}, 24h, drawn);
        world.now = drawn - 1s;
        world.step(TimeReached{});
        CHECK_FALSE(world.asks(Task::certificate));
        world.time(1s);
        CHECK(world.asks(Task::certificate));
    }
}

TEST_CASE("half of the time that is left for renewing stays, however late the CA wants it") {
    World world;
    world.step(Started{});
    world.told(RenewalWindow{kNoon + 90 * kDay, kNoon + 900 * kDay}, 24h, kNoon + 500 * kDay);
    world.now = kNoon + 65 * kDay - 1s;
    world.step(TimeReached{});
    CHECK_FALSE(world.asks(Task::certificate));
    world.time(1s);
    CHECK(world.asks(Task::certificate));
}

TEST_CASE("a certificate of less than a day is not renewed again on the CA's word") {
    World world;
    world.key().chain = chain_of(key_number(1), 1, kNoon - 1h, 90 * kDay);
    world.step(Started{});
    world.told(RenewalWindow{kNoon - 2 * kDay, kNoon - kDay}, 24h, kNoon - kDay);
    CHECK_FALSE(world.asks(Task::certificate));
    world.time(22h);
    CHECK_FALSE(world.asks(Task::certificate));
    world.time(1h);
    CHECK(world.asks(Task::certificate));
}

TEST_CASE("an instant to ask that lies beyond a day was reckoned by a clock that ran ahead: the CA is asked") {
    World world;
    world.now = kNoon + 6h;
    world.step(Started{});
    world.told(kLater, 24h, kLater.start);
    world.now = kNoon;
    world.step(TimeReached{});
    CHECK(world.asks(Task::renewal_info));
}

TEST_CASE("the plan names the CA's window") {
    World world;
    world.step(Started{});
    world.told(RenewalWindow{kNoon + 30 * kDay, kNoon + 31 * kDay}, 24h, kNoon + 30 * kDay + 2h);
    const auto steps = plan(world.state, world.now, world.policy, Group{}, Reason{});
    const auto found = std::find_if(steps.begin(), steps.end(), [](const PlannedStep& each) { return each.reason.code == "plan.renewal"; });
    REQUIRE(found != steps.end());
    CHECK(found->earliest == kNoon + 30 * kDay + 2h);
    CHECK(found->reason.sentence() == "the CA wants it by 2026-12-23T12:00:00Z; due at 2026-12-22T14:00:00Z: start of the CA's window 2026-12-22T12:00:00Z + drawn in it 2h");
}
