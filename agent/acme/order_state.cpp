#include "agent/acme/order_state.hpp"

#include "base/bytes.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace mxseal::agent {

namespace {

// Let's Encrypt's limit of names in one certificate (E-15), which bounds the authorizations that we follow.
constexpr std::size_t kAuthorizationsMax = 100;

std::string text_of(const Json& value) { return value.as_string().value_or(""); }

// RFC 8555 section 7.1.6. An authorization that is deactivated, expired or revoked is of no use to an order, like an invalid one.
AcmeStatus status_of(std::string_view text) {
    if (text == "pending") return AcmeStatus::pending;
    if (text == "ready") return AcmeStatus::ready;
    if (text == "processing") return AcmeStatus::processing;
    if (text == "valid") return AcmeStatus::valid;
    if (text == "invalid" || text == "deactivated" || text == "expired" || text == "revoked") return AcmeStatus::invalid;
    return AcmeStatus::unknown;
}

Error malformed(std::string_view what) { return Error(ErrorCode::protocol, fmt::format("the CA answered {}", what), Retry::transient()); }

std::optional<std::size_t> first_authorization(const OrderState& state, auto&& wanted) {
    auto found = std::find_if(state.authorizations.begin(), state.authorizations.end(), wanted);
    if (found == state.authorizations.end()) return std::nullopt;
    return static_cast<std::size_t>(found - state.authorizations.begin());
}

// RFC 8555 section 7.5.1: all values are published before the CA is told about the first, so that the slow part is waited for once.
OrderStep next_of_pending(const OrderState& state) {
    auto is = [](AcmeStatus status) { return [status](const AuthorizationState& one) { return one.status == status; }; };
    auto open = [](const AuthorizationState& one) { return one.status == AcmeStatus::pending; };
    if (auto i = first_authorization(state, is(AcmeStatus::unknown))) return {OrderAct::read_authorization, *i};
    if (first_authorization(state, is(AcmeStatus::invalid))) return {OrderAct::give_up};
    if (auto i = first_authorization(state, [&](const auto& one) { return open(one) && !one.published; })) return {OrderAct::publish, *i};
    if (auto i = first_authorization(state, [&](const auto& one) { return open(one) && !one.responded; })) return {OrderAct::respond, *i};
    if (auto i = first_authorization(state, open)) return {OrderAct::await_authorization, *i};
    return {OrderAct::await_order};
}

// RFC 8555 section 8: of the challenges of an authorization only the configured kind is ours.
const Json* challenge_of(const Json& authorization, ChallengeType type) {
    for (const Json& challenge : authorization["challenges"].items())
        if (text_of(challenge["type"]) == to_string(type)) return &challenge;
    return nullptr;
}

// RFC 8555 section 8.1 is the key authorization; in DNS its digest stands (section 8.4, E-17).
std::string value_of(ChallengeType type, std::string_view token, std::string_view thumbprint) {
    std::string key_authorization = fmt::format("{}.{}", token, thumbprint);
    return type == ChallengeType::dns_01 ? to_base64url(sha256(view_of(key_authorization))) : key_authorization;
}

Result<dns::Name> name_of(const Json& authorization, const std::vector<dns::Name>& names) {
    auto name = dns::Name::parse(text_of(authorization["identifier"]["value"]));
    bool ours = name && text_of(authorization["identifier"]["type"]) == "dns" && std::find(names.begin(), names.end(), *name) != names.end();
    if (!ours) return malformed("with an authorization for a name that was not asked for");
    return name;
}

Status absorb_challenge(AuthorizationState& one, const Json& challenge, std::string_view thumbprint, ChallengeType type) {
    std::string token = text_of(challenge["token"]);
    // RFC 8555 section 8.3: at least 128 bits, base64url alone.
    if (token.size() < 22 || token.size() > 512 || !from_base64url(token)) return malformed("with a challenge without a usable token");
    one.challenge_url = text_of(challenge["url"]);
    one.value = value_of(type, token, thumbprint);
    one.responded = one.responded || text_of(challenge["status"]) != "pending";
    one.problem = problem_of(challenge["error"]);
    return done();
}

} // namespace

std::string_view to_string(ChallengeType type) {
    switch (type) {
    case ChallengeType::dns_01: return "dns-01";
    case ChallengeType::http_01: return "http-01";
    case ChallengeType::tls_alpn_01: return "tls-alpn-01";
    }
    return "dns-01";
}

std::optional<ChallengeType> parse_challenge_type(std::string_view text) {
    for (auto type : {ChallengeType::dns_01, ChallengeType::http_01, ChallengeType::tls_alpn_01})
        if (text == to_string(type)) return type;
    return std::nullopt;
}

void OrderState::forget_order() {
    std::vector<ChallengeValue> left = std::move(published);
    *this = OrderState();
    published = std::move(left);
}

OrderStep next_step(const OrderState& state) {
    if (state.url.empty()) return {OrderAct::create};
    switch (state.status) {
    case AcmeStatus::unknown: return {OrderAct::read_order};
    case AcmeStatus::pending: return next_of_pending(state);
    case AcmeStatus::ready: return {OrderAct::finalize};
    case AcmeStatus::processing: return {OrderAct::await_order};
    case AcmeStatus::valid: return {OrderAct::download};
    case AcmeStatus::invalid: return {OrderAct::give_up};
    }
    return {OrderAct::give_up};
}

Status absorb_order(OrderState& state, const Json& document, const std::string& location) {
    AcmeStatus status = status_of(text_of(document["status"]));
    if (status == AcmeStatus::unknown) return malformed("with something that is no order");
    if (state.url.empty() && !location.starts_with("https://")) return malformed("with an order that has no address");
    const auto& urls = document["authorizations"].items();
    if (urls.size() > kAuthorizationsMax) return malformed("with too many authorizations");
    if (state.authorizations.empty())
        for (const Json& url : urls) state.authorizations.push_back({text_of(url), {}, {}, {}, {}, false, false, {}});
    if (state.url.empty()) state.url = location;
    state.finalize_url = text_of(document["finalize"]);
    state.certificate_url = text_of(document["certificate"]);
    state.problem = problem_of(document["error"]);
    if (auto expires = parse_rfc3339(text_of(document["expires"]))) state.expires = *expires;
    if (status == AcmeStatus::valid && state.certificate_url.empty()) return malformed("with a valid order that has no certificate");
    state.status = status;
    return done();
}

Status absorb_authorization(OrderState& state, std::size_t index, const Json& document, const std::vector<dns::Name>& names, std::string_view thumbprint, ChallengeType type) {
    AuthorizationState& one = state.authorizations.at(index);
    AcmeStatus status = status_of(text_of(document["status"]));
    if (status == AcmeStatus::unknown) return malformed("with something that is no authorization");
    auto name = name_of(document, names);
    if (!name) return std::move(name).error();
    one.name = *name;
    const Json* challenge = challenge_of(document, type);
    if (challenge == nullptr && status == AcmeStatus::pending)
        return Error(ErrorCode::unsupported, fmt::format("the CA offers no {} challenge for {}; choose another CA or challenge", to_string(type), one.name.text()));
    // E-04: a valid authorization needs no challenge; what it lists then is history.
    if (challenge != nullptr && status != AcmeStatus::valid)
        if (Status fit = absorb_challenge(one, *challenge, thumbprint, type); !fit && status == AcmeStatus::pending) return fit;
    one.status = status;
    // With the last one the order has moved on as well: look at once.
    auto is_valid = [](const AuthorizationState& each) { return each.status == AcmeStatus::valid; };
    if (std::all_of(state.authorizations.begin(), state.authorizations.end(), is_valid)) state.status = AcmeStatus::unknown;
    return done();
}

Error explain(const OrderState& state) {
    // E-05: what the CA saw at the challenge tells more than the order does.
    for (const AuthorizationState& one : state.authorizations)
        if (one.status == AcmeStatus::invalid) return to_error(one.problem, "the CA could not validate " + one.name.text());
    return to_error(state.problem, "the CA gave the order up");
}

Json to_json(const OrderState& state) {
    Json authorizations = Json::array();
    for (const AuthorizationState& one : state.authorizations) authorizations.push(one.url);
    Json published = Json::array();
    for (const ChallengeValue& one : state.published) published.push(Json::object({{"name", one.name.text()}, {"value", one.value}}));
    return Json::object({{"url", state.url}, {"finalize", state.finalize_url}, {"finalized_key", state.finalized_key},
                         {"authorizations", authorizations}, {"published", published}});
}

OrderState order_from_json(const Json& document) {
    OrderState state;
    state.url = text_of(document["url"]);
    state.finalize_url = text_of(document["finalize"]);
    state.finalized_key = text_of(document["finalized_key"]);
    for (const Json& url : document["authorizations"].items()) state.authorizations.push_back({text_of(url), {}, {}, {}, {}, false, false, {}});
    for (const Json& one : document["published"].items())
        if (auto name = dns::Name::parse(text_of(one["name"]))) state.published.push_back({*name, text_of(one["value"])});
    return state;
}

} // namespace mxseal::agent
