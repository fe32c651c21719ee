#include "tests/unit/acme/fake_ca.hpp"

#include "agent/keys/certificates.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace mxseal::agent::testing {

namespace {

std::vector<std::string> split(const std::string& path) {
    std::vector<std::string> parts;
    for (std::size_t at = 0; at < path.size();) {
        auto end = std::min(path.find('/', at + 1), path.size());
        parts.push_back(path.substr(at + 1, end - at - 1));
        at = end;
    }
    return parts;
}

Json part_of(const Json& jws, const char* name) {
    auto text = from_base64url(jws[name].as_string().value_or("")).value();
    return text.empty() ? Json() : Json::parse(to_text(text)).value();
}

} // namespace

HttpResponse FakeCa::problem(int status, const std::string& type, const std::string& detail) {
    return {status, {{"content-type", "application/problem+json"}},
            Json::object({{"type", "urn:ietf:params:acme:error:" + type}, {"detail", detail}, {"status", status}}).dump(), ""};
}

HttpResponse FakeCa::answer(int status, std::string body, std::vector<std::pair<std::string, std::string>> headers) {
    return {status, std::move(headers), std::move(body), ""};
}

Result<HttpResponse> FakeCa::send(const HttpRequest& request) {
    ++requests;
    bool faulty = fault && fault->at == requests;
    if (faulty && !fault->after_acting) return fault->answer();
    HttpResponse response = act(request);
    if (request.method != "GET") {
        std::string nonce = fmt::format("nonce{:04}", ++next_nonce_);
        nonces_.insert(nonce);
        response.headers.emplace_back("replay-nonce", nonce);
    }
    if (faulty) return fault->answer();
    return response;
}

HttpResponse FakeCa::directory() {
    Json document = Json::object({{"newNonce", base + "/nonce"}, {"newAccount", base + "/account"}, {"newOrder", base + "/order"},
                                  {"meta", Json::object({{"termsOfService", terms}})}});
    if (offers_renewal_info) document.set("renewalInfo", base + "/renewal");
    return answer(200, document.dump(), {{"date", "Sun, 22 Nov 2026 11:59:00 GMT"}});
}

HttpResponse FakeCa::act(const HttpRequest& request) {
    std::string path = request.url.substr(std::min(base.size(), request.url.size()));
    paths.push_back(path);
    if (path == "/directory") return directory();
    if (const std::string prefix = "/renewal/"; path.starts_with(prefix)) {
        if (request.method != "GET" || !request.body.empty()) return problem(405, "malformed");
        return renewal_info(path.substr(prefix.size()));
    }
    if (path == "/nonce") return answer(200, "");
    auto jws = Json::parse(request.body);
    if (request.method != "POST" || !jws) return problem(400, "malformed");
    Json header = part_of(*jws, "protected");
    if (auto refused = refuse(request, header)) return *refused;
    if (account_is_unknown && !header["kid"].is_null()) return problem(400, "accountDoesNotExist");
    return act_signed(path, part_of(*jws, "payload"));
}

std::optional<HttpResponse> FakeCa::refuse(const HttpRequest& request, const Json& header) {
    // RFC 8555 sections 6.4 and 6.5: the URL is the one asked, the nonce one of ours and not used before.
    if (header["url"].as_string() != request.url) return problem(400, "malformed", "url");
    if (nonces_.erase(header["nonce"].as_string().value_or("")) == 0) return problem(400, "badNonce", "used or unknown");
    if (header["kid"].is_null() == header["jwk"].is_null()) return problem(400, "malformed", "kid and jwk");
    if (bad_nonces > 0) {
        --bad_nonces;
        return problem(400, "badNonce", "at random");
    }
    return std::nullopt;
}

HttpResponse FakeCa::act_signed(const std::string& path, const Json& payload) {
    if (path == "/account") {
        ++accounts;
        account_is_unknown = false;
        return answer(201, R"({"status": "valid"})", {{"location", base + "/account/1"}});
    }
    if (path == "/order") return new_order(payload);
    auto parts = split(path);
    if (parts[0] == "account") return answer(200, R"({"status": "valid"})");
    auto index = static_cast<std::size_t>(std::stoul(parts[1])) - 1;
    if (index >= orders_.size()) return problem(404, "malformed");
    Order& order = orders_[index];
    if (parts[0] == "certificate") return certificate(order);
    if (parts[0] == "finalize") return finalize(order, index);
    if (parts[0] == "order") return show_order(order, index);
    auto name = static_cast<std::size_t>(std::stoul(parts.at(2)));
    if (parts[0] == "authorization") return show_authorization(order, index, name);
    ++challenges;
    order.challenged.insert(order.names[name]);
    return answer(200, R"({"status": "processing"})");
}

HttpResponse FakeCa::new_order(const Json& payload) {
    if (auto id = payload["replaces"].as_string()) {
        replaced.push_back(*id);
        if (replaces_refused) return *replaces_refused;
    }
    ++orders;
    Order order;
    for (const Json& one : payload["identifiers"].items()) order.names.push_back(one["value"].as_string().value());
    orders_.push_back(order);
    return show_order(orders_.back(), orders_.size() - 1, 201);
}

bool FakeCa::is_valid(const Order& order, const std::string& name) const {
    if (authorization_is_valid) return true;
    bool shown = std::any_of(publisher_.values.begin(), publisher_.values.end(), [&](const auto& one) { return one.first == name; });
    return order.challenged.count(name) > 0 && shown && !validation_fails;
}

HttpResponse FakeCa::show_order(Order& order, std::size_t index, int status) {
    if (order.status == "pending" && std::all_of(order.names.begin(), order.names.end(), [&](const auto& name) { return is_valid(order, name); }))
        order.status = "ready";
    else if (order.status == "processing")
        order.status = "valid";
    Json urls = Json::array();
    for (std::size_t i = 0; i < order.names.size(); ++i) urls.push(fmt::format("{}/authorization/{}/{}", base, index + 1, i));
    Json document = Json::object({{"status", order.status}, {"authorizations", urls}, {"finalize", fmt::format("{}/finalize/{}", base, index + 1)}});
    if (order.status == "valid") document.set("certificate", certificate_url);
    return answer(status, document.dump(), {{"location", fmt::format("{}/order/{}", base, index + 1)}, {"retry-after", "3"}});
}

HttpResponse FakeCa::show_authorization(Order& order, std::size_t order_index, std::size_t name_index) {
    const std::string& name = order.names.at(name_index);
    bool challenged = order.challenged.count(name) > 0;
    Json challenge = Json::object({{"type", "dns-01"}, {"url", fmt::format("{}/challenge/{}/{}", base, order_index + 1, name_index)},
                                   {"token", "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA"}, {"status", challenged ? "processing" : "pending"}});
    std::string status = is_valid(order, name) ? "valid" : "pending";
    if (challenged && validation_fails) {
        status = order.status = "invalid";
        Json sub = Json::object({{"type", "urn:ietf:params:acme:error:dns"}, {"detail", "SERVFAIL"}, {"identifier", Json::object({{"type", "dns"}, {"value", name}})}});
        challenge.set("error", Json::object({{"type", "urn:ietf:params:acme:error:incorrectResponse"}, {"detail", "no such TXT"}, {"subproblems", Json(Json::Array{sub})}}));
    }
    Json other = Json::object({{"type", "http-01"}, {"token", "x"}, {"url", base + "/no"}, {"status", "pending"}});
    return answer(200, Json::object({{"status", status}, {"identifier", Json::object({{"type", "dns"}, {"value", name}})},
                                     {"challenges", Json(Json::Array{other, challenge})}})
                           .dump());
}

HttpResponse FakeCa::finalize(Order& order, std::size_t index) {
    if (not_ready > 0) {
        --not_ready;
        return problem(403, "orderNotReady");
    }
    if (order.status != "ready") return problem(403, "orderNotReady");
    ++finalizations;
    order.status = "processing";
    auto shown = show_order(order, index); // moves on to valid; the answer still says processing
    order.status = "processing";
    shown.body = shown.body.replace(shown.body.find("\"valid\""), 7, "\"processing\"");
    return shown;
}

HttpResponse FakeCa::certificate(const Order& order) const {
    std::vector<dns::Name> names;
    for (const std::string& name : order.names) names.push_back(dns::Name::parse(name).value());
    auto pem = make_self_signed(*leaf_key_, names, clock_.now, std::chrono::hours(24 * 90)).value();
    return {200, {{"content-type", "application/pem-certificate-chain"}}, pem, ""};
}

} // namespace mxseal::agent::testing
