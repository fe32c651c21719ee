#include "agent/config/config.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace mxseal::agent {

namespace {

using MtaSts = ProfileConfig::MtaSts;

// C-11: a week for enforce, a day for everything that is still being tried.
std::chrono::seconds default_max_age(PolicyMode mode) { return std::chrono::seconds(mode == PolicyMode::enforce ? 604'800 : 86'400); }

template <class T>
void set_if_said(std::optional<T>& value, const std::optional<T>& above) {
    if (above) value = above;
}

void override_with(ProfileConfig& profile, const ProfileConfig& own) {
    if (own.mta_sts && !profile.mta_sts) profile.mta_sts.emplace();
    if (own.mta_sts) {
        set_if_said(profile.mta_sts->mode, own.mta_sts->mode);
        set_if_said(profile.mta_sts->max_age, own.mta_sts->max_age);
        set_if_said(profile.mta_sts->txt_ttl, own.mta_sts->txt_ttl);
        set_if_said(profile.mta_sts->at_once, own.mta_sts->at_once);
        set_if_said(profile.mta_sts->txt_target, own.mta_sts->txt_target);
        if (!own.mta_sts->mx.empty()) profile.mta_sts->mx = own.mta_sts->mx;
    }
    if (!own.rua.empty()) profile.rua = own.rua;
    if (!own.certificate.empty()) profile.certificate = own.certificate;
}

std::optional<PolicySettings> settings_from(const Config& config, const ProfileConfig& profile, std::string name) {
    if (!profile.mta_sts) return std::nullopt;
    PolicySettings settings;
    settings.mode = profile.mta_sts->mode.value_or(PolicyMode::testing);
    settings.max_age = profile.mta_sts->max_age.value_or(default_max_age(settings.mode));
    settings.txt_ttl = profile.mta_sts->txt_ttl.value_or(settings.txt_ttl);
    settings.at_once = profile.mta_sts->at_once.value_or(false);
    settings.txt_target = profile.mta_sts->txt_target;
    settings.mx_patterns = profile.mta_sts->mx;
    settings.rua = profile.rua;
    settings.certificate = !profile.certificate.empty() ? profile.certificate : config.endpoint ? config.endpoint->certificate : std::string();
    settings.profile = std::move(name);
    return settings;
}

ProfileConfig profile_named(const Config& config, const std::string& name) {
    auto found = config.profiles.find(name);
    return found == config.profiles.end() ? ProfileConfig() : found->second;
}

bool ends_in_number(std::string_view text) {
    const auto last = text.substr(text.rfind('.') + 1);
    return std::all_of(last.begin(), last.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::optional<std::string_view> why_no_host(const std::string& text) {
    if (text.find('_') != std::string::npos) return "it holds an underscore";
    if (text.front() == '-' || text.back() == '-' || text.find(".-") != std::string::npos || text.find("-.") != std::string::npos)
        return "a label begins or ends with a hyphen";
    if (ends_in_number(text)) return "it ends in a number, as an address does";
    return std::nullopt;
}

} // namespace

std::optional<PolicySettings> settings_of(const Config& config, const DomainConfig& domain) {
    std::string name = domain.profile.value_or(std::string(kDefaultProfile));
    ProfileConfig profile = profile_named(config, name);
    override_with(profile, domain.own);
    auto settings = settings_from(config, profile, std::move(name));
    if (!settings) return settings;
    settings->mx_goal = domain.mx;
    settings->manage_mx = domain.manage_mx;
    return settings;
}

std::optional<PolicySettings> settings_of(const Config& config, const std::string& profile) { return settings_from(config, profile_named(config, profile), profile); }

std::optional<std::string> mx_pattern(std::string_view text) {
    const bool wildcard = text.starts_with("*.");
    auto name = dns::Name::parse(wildcard ? text.substr(2) : text);
    if (!name || name->is_root() || text.ends_with('.') || why_no_host(name->text())) return std::nullopt;
    return (wildcard ? "*." : "") + name->text();
}

Result<dns::Name> parse_mail_domain(std::string_view text) {
    auto name = dns::Name::parse(text);
    const auto refuse = [&](std::string_view why) { return Error(ErrorCode::invalid, fmt::format("'{}' is not a mail domain: {}", escape_untrusted(text, 80), why)); };
    if (!name) {
        const std::string& message = name.error().message();
        const auto colon = message.rfind("name: ");
        return refuse(colon == std::string::npos ? message : message.substr(colon + 6));
    }
    if (name->label_count() < 2) return refuse("it has one label, and mail domains have two at least, as example.org");
    if (auto why = why_no_host(name->text())) return refuse(*why);
    if (!name->prefixed("mta-sts").ok()) return refuse("it is so long that mta-sts. does not fit before it");
    return name;
}

} // namespace mxseal::agent
