#include "rotation/mta_sts/site.hpp"
#include "rotation/mta_sts/site_rate.hpp"

#include <catch2/catch.hpp>

using namespace mxseal;
using namespace mxseal::rotation;
using namespace mxseal::rotation::mta_sts;
using namespace std::chrono_literals;

namespace {

const Instant kNow = from_unix_ms(1'795'000'000'000);

struct Site {
    SiteState state;
    SitePolicy policy;
    SiteDecision last;

    SiteDecision& give(const SiteEvent& event, Instant now = kNow) { return last = step(state, event, now, policy); }
    bool orders() const { return last.order; }
    bool told(const std::string& event) const {
        return std::any_of(last.notes.begin(), last.notes.end(), [&](const Note& note) { return note.event == event; });
    }
    void has_certificate(Duration lifetime) {
        give(SiteTimeReached{});
        give(CertificateIssued{kNow, kNow + lifetime});
    }
};

} // namespace

TEST_CASE("a site without a certificate orders one at once, and once", "[rotation][site]") {
    Site site;
    site.give(SiteTimeReached{});
    CHECK(site.orders());
    site.give(SiteTimeReached{});
    CHECK_FALSE(site.orders());
    site.give(CertificateIssued{kNow, kNow + 90 * 24h});
    CHECK(site.last.store);
    CHECK(site.told("site.certificate"));
    CHECK_FALSE(site.orders());
    site.give(CertificateIssued{kNow, kNow + 90 * 24h});
    CHECK_FALSE(site.last.store);
    CHECK(site.last.notes.empty());
}

TEST_CASE("a certificate is renewed between a half and five eighths of its lifetime, each name at its own time", "[rotation][site]") {
    for (double spread : {0.0, 0.25, 0.999}) {
        Site site;
        site.policy.spread = spread;
        site.has_certificate(90 * 24h);
        const Instant renewal = *renewal_of(site.state, site.policy);
        CHECK(renewal >= kNow + 45 * 24h);
        CHECK(renewal <= kNow + 1350h); // 5/8 of 90 days
        CHECK(site.last.wake == renewal);
        site.give(SiteTimeReached{}, renewal - 1ms);
        CHECK_FALSE(site.orders());
        site.give(SiteTimeReached{}, renewal);
        CHECK(site.orders());
        CHECK(site.state.not_after == kNow + 90 * 24h);
    }
}

TEST_CASE("a hundred thousand names are spread over the window, no hour of it takes twice its share", "[rotation][site]") {
    constexpr int kNames = 100'000, kHours = 15 * 24;
    std::vector<int> in_hour(kHours);
    for (int i = 0; i < kNames; ++i) ++in_hour.at(static_cast<std::size_t>(spread_of("d" + std::to_string(i) + ".example") * kHours));
    CHECK(*std::max_element(in_hour.begin(), in_hour.end()) < 2 * kNames / kHours);
    CHECK(*std::min_element(in_hour.begin(), in_hour.end()) > kNames / kHours / 2);
    CHECK(spread_of("example.org") == spread_of("example.org"));
}

TEST_CASE("after a failure it waits longer each time, up to a day and in the end a week (E-24), and never less than the CA asks", "[rotation][site]") {
    Site site;
    Instant now = kNow;
    Duration longest{0};
    for (int i = 0; i < 20; ++i) {
        site.give(SiteTimeReached{}, now);
        REQUIRE(site.orders());
        site.give(OrderFailed{{"refused", std::nullopt, false}}, now);
        CHECK(site.last.store);
        CHECK(site.told("site.order_failed"));
        REQUIRE(site.last.wake == site.state.again);
        CHECK(*site.state.again - now >= longest);
        longest = *site.state.again - now;
        if (i == 15) CHECK(longest == Duration(24h));
        site.give(SiteTimeReached{}, *site.state.again - 1ms);
        CHECK_FALSE(site.orders());
        now = *site.state.again;
    }
    CHECK(longest == Duration(7 * 24h));
    site.give(SiteTimeReached{}, now);
    site.give(OrderFailed{{"too many", Duration(200h), false}}, now);
    CHECK(site.state.again == now + 200h);
    site.give(CertificateIssued{now, now + 24h}, now);
    CHECK(site.state.failures == 0);
    CHECK_FALSE(site.state.again);
}

TEST_CASE("an answer nobody waits for changes nothing", "[rotation][site]") {
    Site site;
    site.has_certificate(90 * 24h);
    site.give(OrderFailed{{"late", std::nullopt, false}});
    CHECK(site.state.failures == 0);
    CHECK_FALSE(site.last.store);
    site.give(PolicyFetchFailed{"late"});
    CHECK_FALSE(site.state.failing_since);
    site.give(PolicyFetched{});
    CHECK_FALSE(site.state.fetched_at);
}

TEST_CASE("a fetch that fails is told once, and what is not served any more has no trouble", "[rotation][site]") {
    Site site;
    site.has_certificate(90 * 24h);
    site.give(PolicyFetchFailed{"no answer"}, kNow + 1s);
    CHECK_FALSE(site.told("site.fetch_failed")); // it is in no snapshot yet
    site.give(SiteServed{}, kNow + 2s);
    site.give(PolicyFetchFailed{"no answer"}, kNow + 2h);
    CHECK(site.told("site.fetch_failed"));
    site.give(PolicyFetchFailed{"no route"}, kNow + 2h + 1min);
    CHECK_FALSE(site.told("site.fetch_failed"));
    CHECK(site.state.fetch_trouble == "no route");
    site.give(SiteWithdrawn{}, kNow + 3h);
    CHECK_FALSE(site.state.failing_since);
    CHECK(site.state.fetch_trouble.empty());
}

TEST_CASE("C-27: a fetch that fails for more than 15 minutes is an alarm, told once, and its end too", "[rotation][site]") {
    Site site;
    site.has_certificate(90 * 24h);
    site.give(SiteServed{});
    site.give(PolicyFetchFailed{"no answer"});
    CHECK(alarm_of(site.state, kNow + 15min) == SiteAlarm::none);
    site.give(SiteTimeReached{}, kNow + 15min);
    CHECK_FALSE(site.told("site.alarm"));
    CHECK(site.last.wake == kNow + 15min + 1ms);
    site.give(SiteTimeReached{}, *site.last.wake);
    CHECK(site.told("site.alarm"));
    CHECK(site.last.notes.back().sentence.find("no answer") != std::string::npos);
    site.give(SiteTimeReached{}, kNow + 20min);
    CHECK_FALSE(site.told("site.alarm"));
    site.give(PolicyFetched{}, kNow + 21min);
    CHECK(site.told("site.recovered"));
}

TEST_CASE("C-27: a certificate with less than a third left is an alarm, with 48 hours or a quarter of a short life a critical one", "[rotation][site]") {
    const auto alarm_at = [](Duration lifetime, Duration left) {
        Site site;
        site.has_certificate(lifetime);
        return alarm_of(site.state, kNow + lifetime - left);
    };
    CHECK(alarm_at(90 * 24h, 31 * 24h) == SiteAlarm::none);
    CHECK(alarm_at(90 * 24h, 30 * 24h) == SiteAlarm::warning);
    CHECK(alarm_at(90 * 24h, 49h) == SiteAlarm::warning);
    CHECK(alarm_at(90 * 24h, 48h) == SiteAlarm::critical);
    CHECK(alarm_at(90 * 24h, -1h) == SiteAlarm::critical);
    CHECK(alarm_at(6 * 24h, 48h) == SiteAlarm::warning);
    CHECK(alarm_at(6 * 24h, 36h) == SiteAlarm::critical);
}

TEST_CASE("a name that leads nowhere is looked at each hour and, after five days, each day; a CA that refuses for five days is asked each week", "[rotation][site]") {
    const auto pause_after = [](int times, bool was_asked) {
        Site site;
        Instant now = kNow;
        for (int i = 0; i < times; ++i) {
            site.give(SiteTimeReached{}, now);
            REQUIRE(site.orders());
            site.give(OrderFailed{{"it has no address", std::nullopt, false}, was_asked}, now);
            if (i + 1 < times) now = *site.state.again;
        }
        const bool says_so = std::any_of(site.last.notes.begin(), site.last.notes.end(), [](const Note& note) { return note.sentence.find("suspended") != std::string::npos; });
        return std::tuple{Duration(*site.state.again - now), Duration(now - kNow), says_so};
    };
    CHECK(std::get<0>(pause_after(1, false)) == Duration(1min));
    CHECK(pause_after(20, false) == std::tuple{Duration(1h), std::get<1>(pause_after(20, false)), false});
    const auto [look, looked_for, look_suspended] = pause_after(127, false);
    CHECK(look == Duration(24h));
    CHECK(looked_for >= Duration(5 * 24h));
    CHECK(look_suspended);
    CHECK(std::get<0>(pause_after(16, true)) == Duration(24h));
    const auto [order, ordered_for, order_suspended] = pause_after(17, true);
    CHECK(order == Duration(7 * 24h));
    CHECK(ordered_for >= Duration(5 * 24h));
    CHECK(order_suspended);
}

TEST_CASE("the reason says what is so: ordered, failed, late, renewed when", "[rotation][site]") {
    Site site;
    CHECK(reason_of(site.state, kNow, site.policy).code == "wait.certificate");
    site.give(SiteTimeReached{});
    site.give(OrderFailed{{"the CA was away", std::nullopt, false}});
    const auto failed = reason_of(site.state, kNow, site.policy);
    CHECK(failed.code == "wait.order");
    CHECK(failed.sentence().find("the CA was away") != std::string::npos);
    CHECK(failed.until == site.state.again);
    site.give(SiteTimeReached{}, *site.state.again);
    site.give(CertificateIssued{kNow, kNow + 90 * 24h});
    CHECK(reason_of(site.state, kNow, site.policy).code == "plan.renewal");
    CHECK(reason_of(site.state, kNow + 61 * 24h, site.policy).code == "alarm.certificate");
}

TEST_CASE("every event in every state gives a decision that does not act twice", "[rotation][site]") {
    const std::vector<SiteEvent> events{SiteTimeReached{}, CertificateIssued{kNow, kNow + 10h}, CertificateIssued{kNow + 10h, kNow}, OrderFailed{{"x", Duration(1h), true}}, SiteServed{}, SiteWithdrawn{}, PolicyFetched{},
                                        PolicyFetchFailed{"y"}};
    const std::size_t n = events.size();
    for (std::size_t way = 0; way < n * n * n * n; ++way) {
        Site site;
        Instant now = kNow;
        std::size_t orders = 0, answers = 0;
        for (std::size_t rest = way, i = 0; i < 4; ++i, rest /= n) {
            const SiteEvent& event = events[rest % n];
            answers += event.index() == 1 || event.index() == 2;
            site.give(event, now);
            orders += site.orders();
            site.give(SiteTimeReached{}, now);
            CHECK_FALSE(site.orders());
            now += 3h;
        }
        CHECK(orders <= answers + 1);
    }
}

TEST_CASE("a CA is given a few orders at once, a burst in a row, then one each refill", "[rotation][site]") {
    SiteRate rate({2, 3, 10s});
    CHECK(rate.begin(kNow));
    CHECK(rate.begin(kNow));
    CHECK_FALSE(rate.begin(kNow));
    CHECK_FALSE(rate.next(kNow));
    rate.end();
    rate.end();
    CHECK(rate.begin(kNow));
    rate.end();
    CHECK_FALSE(rate.begin(kNow));
    CHECK(rate.next(kNow) == kNow + 10s);
    CHECK(rate.begin(kNow + 10s));
    rate.end();
    CHECK_FALSE(rate.begin(kNow + 11s));
    rate.pause(kNow + 1h);
    CHECK_FALSE(rate.begin(kNow + 30min));
    CHECK(rate.next(kNow + 30min) == kNow + 1h);
    CHECK(rate.begin(kNow + 1h));
}

TEST_CASE("without a rate only the orders under way are bounded", "[rotation][site]") {
    SiteRate rate({1, 0, Duration{0}});
    for (int i = 0; i < 1000; ++i) {
        REQUIRE(rate.begin(kNow));
        rate.end();
    }
}
