#include "agent/control/control_api.hpp"

#include "base/bytes.hpp"

#include <charconv>

#include <fmt/format.h>
#include <unistd.h>

namespace mxseal::agent {

namespace {

constexpr std::string_view kBearer = "Bearer ";

// A page of another origin can make a browser send requests here under a name of its own (DNS rebinding, G-06).
bool is_own_host(std::string_view host) {
    auto colon = host.rfind(':');
    auto name = host.substr(0, colon);
    return name == "127.0.0.1" || name == "localhost";
}

int http_status(ErrorCode code) {
    switch (code) {
    case ErrorCode::invalid: return 400;
    case ErrorCode::not_found: return 404;
    case ErrorCode::refused:
    case ErrorCode::precondition: return 409;
    case ErrorCode::busy:
    case ErrorCode::transient: return 503;
    default: return 500;
    }
}

ControlReply reply_of(Result<Json> result) {
    if (!result) return control_error(http_status(result.error().code()), result.error().code(), result.error().to_string());
    return {200, std::move(result).value()};
}

std::optional<std::int64_t> parse_number(const std::string& text) {
    std::int64_t number = 0;
    auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (problem != std::errc{} || end != text.data() + text.size() || number < 0) return std::nullopt;
    return number;
}

ControlReply bad_query(const std::string& name, const std::string& value) {
    return control_error(400, ErrorCode::invalid,
                         fmt::format("query '{}={}' is not understood; allowed: host=NAME, after=NUMBER, limit=NUMBER", escape_untrusted(name), escape_untrusted(value)));
}

} // namespace

ControlReply control_error(int status, ErrorCode code, std::string text) {
    return {status, Json::object({{"error", std::move(text)}, {"code", to_string(code)}})};
}

bool ControlApi::is_authorized(std::string_view authorization) const {
    return authorization.starts_with(kBearer) && token_.equals(view_of(authorization.substr(kBearer.size())));
}

std::optional<ControlReply> ControlApi::refuse(const ControlRequest& head) const {
    if (!is_own_host(head.host)) return control_error(403, ErrorCode::auth_failed, "the Host field has to be 127.0.0.1 or localhost");
    if (!is_authorized(head.authorization))
        return control_error(401, ErrorCode::auth_failed, "the token is missing or wrong; it stands in control.json in the state folder");
    if (head.chunked) return control_error(411, ErrorCode::invalid, "Transfer-Encoding is not taken; send Content-Length");
    if (head.content_length > kControlBodyMax)
        return control_error(413, ErrorCode::invalid, fmt::format("a body of {} octets is longer than {}", head.content_length, kControlBodyMax));
    return std::nullopt;
}

ControlReply ControlApi::answer(const ControlRequest& request) const {
    if (auto refusal = refuse(request)) return *std::move(refusal);
    const bool get = request.method == "GET";
    if (get && request.path == "/v1/agent") return {200, Json::object({{"pid", ::getpid()}})};
    if (get && request.path == "/v1/status") return reply_of(desk_.status());
    if (get && request.path == "/v1/plan") return plan(request);
    if (get && request.path == "/v1/log") return log(request);
    if (request.method == "POST" && request.path == "/v1/requests") return post_request(request);
    return control_error(404, ErrorCode::not_found,
                         fmt::format("{} {} is unknown; known: GET /v1/agent /v1/status /v1/plan /v1/log, POST /v1/requests", escape_untrusted(request.method),
                                     escape_untrusted(request.path)));
}

ControlReply ControlApi::plan(const ControlRequest& request) const {
    std::vector<std::string> hosts;
    for (const auto& [name, value] : request.query) {
        if (name != "host") return bad_query(name, value);
        hosts.push_back(value);
    }
    return reply_of(desk_.plan(hosts));
}

ControlReply ControlApi::log(const ControlRequest& request) const {
    LogFilter filter;
    for (const auto& [name, value] : request.query) {
        auto number = parse_number(value);
        if (name == "host")
            filter.host = value;
        else if (name == "after" && number)
            filter.after_id = *number;
        else if (name == "limit" && number && static_cast<std::size_t>(*number) <= kControlLogMax)
            filter.limit = static_cast<std::size_t>(*number);
        else
            return bad_query(name, value);
    }
    return reply_of(desk_.log(filter));
}

ControlReply ControlApi::post_request(const ControlRequest& request) const {
    auto body = Json::parse(request.body);
    if (!body || !body->is_object()) return control_error(400, ErrorCode::invalid, "the body is no JSON object");
    return reply_of(desk_.request(*body));
}

} // namespace mxseal::agent
