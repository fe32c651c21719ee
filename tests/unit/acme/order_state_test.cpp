#include "agent/acme/order_state.hpp"

#include "base/bytes.hpp"

#include <array>

#include <catch2/catch.hpp>

namespace mxseal::agent {

namespace {

constexpr std::array kStatuses{AcmeStatus::unknown, AcmeStatus::pending, AcmeStatus::ready, AcmeStatus::processing, AcmeStatus::valid, AcmeStatus::invalid};
constexpr std::string_view kToken = "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA";

OrderState order(AcmeStatus status, std::vector<AcmeStatus> authorizations) {
    OrderState state;
    state.url = "https://ca.example/order/1";
    state.status = status;
    for (AcmeStatus one : authorizations) {
        state.authorizations.push_back({});
        state.authorizations.back().status = one;
    }
    return state;
}

const std::vector<dns::Name>& names() {
    static const std::vector<dns::Name> all{dns::Name::parse("mx1.example.org").value()};
    return all;
}

Json authorization(const std::string& name, const std::string& token) {
    Json challenge = Json::object({{"type", "dns-01"}, {"url", "https://ca.example/challenge/1"}, {"token", token}, {"status", "pending"}});
    return Json::object({{"status", "pending"}, {"identifier", Json::object({{"type", "dns"}, {"value", name}})}, {"challenges", Json(Json::Array{challenge})}});
}

} // namespace

TEST_CASE("a signing request is sent only to an order that was seen ready") {
    for (AcmeStatus status : kStatuses)
        for (AcmeStatus one : kStatuses)
            for (AcmeStatus other : kStatuses) {
                auto step = next_step(order(status, {one, other}));
                CHECK((step.act == OrderAct::finalize) == (status == AcmeStatus::ready));
                CHECK((step.act == OrderAct::download) == (status == AcmeStatus::valid));
                CHECK((step.act == OrderAct::read_order) == (status == AcmeStatus::unknown));
            }
}

TEST_CASE("the CA is told only when every value of the order is published") {
    for (bool first_published : {false, true})
        for (bool second_published : {false, true}) {
            auto state = order(AcmeStatus::pending, {AcmeStatus::pending, AcmeStatus::pending});
            state.authorizations[0].published = first_published;
            state.authorizations[1].published = second_published;
            CHECK((next_step(state).act == OrderAct::respond) == (first_published && second_published));
        }
}

TEST_CASE("an authorization that is not valid any more ends the order") {
    for (const char* status : {"invalid", "deactivated", "expired", "revoked"}) {
        auto state = order(AcmeStatus::pending, {AcmeStatus::unknown});
        Json document = authorization("mx1.example.org", std::string(kToken));
        document.set("status", status);
        REQUIRE(absorb_authorization(state, 0, document, names(), "print"));
        CHECK(next_step(state).act == OrderAct::give_up);
    }
}

TEST_CASE("the value of dns-01 is the digest of token and thumbprint") {
    auto state = order(AcmeStatus::pending, {AcmeStatus::unknown});
    REQUIRE(absorb_authorization(state, 0, authorization("MX1.example.org", std::string(kToken)), names(), "thumb"));
    CHECK(state.authorizations[0].value == to_base64url(sha256(view_of(std::string(kToken) + ".thumb"))));
}

TEST_CASE("tokens that are short or not base64url, and names that are not ours, are refused") {
    auto state = order(AcmeStatus::pending, {AcmeStatus::unknown});
    for (const char* token : {"", "short", "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ/PCt92wr+oA", "../../../../etc/passwd/aaaaaa"})
        CHECK_FALSE(absorb_authorization(state, 0, authorization("mx1.example.org", token), names(), "thumb"));
    CHECK_FALSE(absorb_authorization(state, 0, authorization("mx2.example.org", std::string(kToken)), names(), "thumb"));
    CHECK(state.authorizations[0].status == AcmeStatus::unknown);
}

TEST_CASE("what is journaled comes back, what was only seen does not") {
    auto state = order(AcmeStatus::ready, {AcmeStatus::valid});
    state.authorizations[0].url = "https://ca.example/authorization/1";
    state.finalize_url = "https://ca.example/finalize/1";
    state.finalized_key = "00ff";
    state.published = {{names()[0], "value"}};
    auto back = order_from_json(Json::parse(to_json(state).dump()).value());
    CHECK(back.url == state.url);
    CHECK(back.finalize_url == state.finalize_url);
    CHECK(back.finalized_key == state.finalized_key);
    CHECK(back.published == state.published);
    REQUIRE(back.authorizations.size() == 1);
    CHECK(back.authorizations[0].url == state.authorizations[0].url);
    CHECK(next_step(back).act == OrderAct::read_order);
}

TEST_CASE("an order that is forgotten still knows what it has to take out of DNS") {
    auto state = order(AcmeStatus::invalid, {AcmeStatus::invalid});
    state.published = {{names()[0], "value"}};
    state.forget_order();
    CHECK(next_step(state).act == OrderAct::create);
    CHECK(state.published.size() == 1);
}

} // namespace mxseal::agent
