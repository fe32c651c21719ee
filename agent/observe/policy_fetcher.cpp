#include "agent/observe/policy_fetcher.hpp"

#include <fmt/format.h>

namespace mxseal::agent {

namespace {

constexpr std::size_t kBodyMax = 64 * 1024; // RFC 8461 section 3.3 (C-14)

Error stopped(const std::string& address, std::string_view why) { return Error(ErrorCode::protocol, fmt::format("{} {}", address, why), Retry::transient()); }

// RFC 8461 section 3.2 (C-21): text/plain, whatever parameters follow.
bool is_plain_text(const std::string* type) { return type != nullptr && (*type == "text/plain" || type->starts_with("text/plain;") || type->starts_with("text/plain ")); }

} // namespace

Result<std::string> fetch_policy(HttpTransport& transport, const dns::Name& domain, const std::string& address, const PolicyFetchOptions& options) {
    HttpRequest request;
    request.url = fmt::format("https://mta-sts.{}/.well-known/mta-sts.txt", domain.text());
    request.timeout = options.timeout;
    request.body_limit = kBodyMax;
    request.public_only = !options.allow_private;
    request.connect_to = address;
    auto response = transport.send(request);
    if (!response.ok()) return std::move(response).error().in_context("fetching from " + address);
    // RFC 8461 section 3.3 (C-20): 200 alone, and redirects are not followed.
    if (response->status != 200) return stopped(address, fmt::format("answers with status {}, and senders take 200 alone", response->status));
    if (!is_plain_text(response->header("content-type"))) return stopped(address, "answers with another Content-Type than text/plain");
    return std::move(response->body);
}

} // namespace mxseal::agent
