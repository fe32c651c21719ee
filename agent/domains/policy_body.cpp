#include "agent/domains/policy_body.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace mxseal::agent {

namespace {

std::vector<std::string> words_of(const std::string& text) {
    std::vector<std::string> words;
    for (std::size_t at = 0; at < text.size();) {
        const auto end = std::min(text.find(' ', at), text.size());
        words.push_back(text.substr(at, end - at));
        at = end + 1;
    }
    return words;
}

// C-34: what follows the MX RRset is widened, never narrowed, without being asked: resolvers hold the host that left, senders the policy with it.
void keep_covered(std::vector<std::string>& patterns, const std::string& before) {
    auto former = rotation::mta_sts::parse_body(before);
    if (!former.ok()) return;
    for (const std::string& pattern : former->mx)
        if (std::find(patterns.begin(), patterns.end(), pattern) == patterns.end()) patterns.push_back(pattern);
    std::sort(patterns.begin(), patterns.end());
}

} // namespace

std::string render_policy(PolicyMode mode, std::chrono::seconds max_age, const std::vector<std::string>& patterns) {
    return rotation::mta_sts::PolicyBody{mode, max_age, patterns}.text();
}

std::variant<std::string, NoBody> body_of(const PolicySettings& settings, const std::string* mx, const std::string* before) {
    std::vector<std::string> patterns = settings.mx_patterns;
    // RFC 8461 section 3.2 (C-12): only mode none may be without.
    if (settings.mode == PolicyMode::none) return render_policy(settings.mode, settings.max_age, patterns);
    if (patterns.empty())
        for (const auto& host : settings.mx_goal) patterns.push_back(host.text());
    if (patterns.empty() && mx == nullptr) return NoBody{"its MX RRset has not been seen yet"};
    if (patterns.empty()) patterns = words_of(*mx);
    if (patterns.empty()) return NoBody{"it has no MX RRset; make one, or name the hosts with `mta_sts.mx`"};
    const bool asked = !settings.mx_patterns.empty() || !settings.mx_goal.empty();
    if (!asked && before != nullptr) keep_covered(patterns, *before);
    std::string body = render_policy(settings.mode, settings.max_age, patterns);
    if (body.size() > rotation::mta_sts::kBodyBytesMost) return NoBody{fmt::format("its policy would have {} octets, more than {}; name fewer hosts with `mta_sts.mx`", body.size(), rotation::mta_sts::kBodyBytesMost)};
    return body;
}

} // namespace mxseal::agent
