#include "agent/acme/renewal_info.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace mxseal::agent {

namespace {

constexpr std::string_view kDoing = "asking the CA when it wants the certificate renewed";
constexpr std::size_t kExplanationMax = 300; // our choice: an address that a person can open

// RFC 9773 section 4.1: the id is one more segment of the path.
std::string url_of(std::string base, const std::string& id) {
    while (base.ends_with('/')) base.pop_back();
    return fmt::format("{}/{}", base, id);
}

// RFC 9773 section 4.2.
Result<RenewalInfo> info_of(const AcmeReply& reply) {
    const Json& window = reply.document["suggestedWindow"];
    auto start = parse_rfc3339(window["start"].as_string().value_or(""));
    auto end = parse_rfc3339(window["end"].as_string().value_or(""));
    if (!start || !end)
        return Error(ErrorCode::protocol, fmt::format("{}: the answer has no window that can be read", kDoing), Retry::transient()).with_peer_text(reply.body.substr(0, kExplanationMax));
    return RenewalInfo{*start, *end, escape_untrusted(reply.document["explanationURL"].as_string().value_or(""), kExplanationMax), reply.retry_after};
}

} // namespace

Result<std::optional<RenewalInfo>> read_renewal_info(AcmeSession& session, const std::string& id) {
    auto directory = session.directory();
    if (!directory) return std::move(directory).error();
    if (directory->renewal_info.empty()) return std::optional<RenewalInfo>();
    auto reply = session.get(url_of(directory->renewal_info, id));
    if (!reply) return std::move(reply).error().in_context(std::string(kDoing));
    if (reply->problem) return to_error(*reply->problem, kDoing);
    if (reply->status != 200) return Error(ErrorCode::protocol, fmt::format("{}: the answer has status {}", kDoing, reply->status), Retry::transient());
    auto info = info_of(*reply);
    if (!info) return std::move(info).error();
    return std::optional(*std::move(info));
}

} // namespace mxseal::agent
