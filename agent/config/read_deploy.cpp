#include "agent/config/values.hpp"

#include <fmt/format.h>

namespace mxseal::agent::config {

namespace {

void read_mode(Reading& reading, const Value& value, DeployTarget& target) {
    constexpr std::string_view kAllowed = "0400, 0440, 0600 or 0640, in octal";
    auto text = read_text(reading, value, kAllowed);
    if (!text) return;
    unsigned mode = 0;
    for (char c : *text) {
        if (c < '0' || c > '7' || text->size() > 4) return reading.mistake(value, "is not a file mode", kAllowed);
        mode = mode * 8 + static_cast<unsigned>(c - '0');
    }
    // G-01: a key is for its owner, or for the group of the MTA to read.
    if ((mode & ~0640u) != 0 || (mode & 0400u) == 0) return reading.mistake(value, "opens the private key to too many, or to nobody", kAllowed);
    target.mode = mode;
}

void read_combined(Reading& reading, const Value& value, DeployTarget& target) {
    constexpr std::string_view kAllowed = "the full path that the MTA reads, as in /etc/postfix/tls/mx1.pem";
    auto text = read_text(reading, value, kAllowed);
    if (!text) return;
    if (text->front() != '/' || text->back() == '/') return reading.mistake(value, "is not the full path of a file", kAllowed);
    target.combined = std::filesystem::path(*text).lexically_normal();
    reading.check_later(MachineCheck::Kind::folder, value, target.combined.parent_path().string());
    auto [first, is_new] = reading.combined.emplace(target.combined.string(), value);
    if (!is_new) reading.mistake(value, fmt::format("is deployed to already in line {} ({})", first->second.line, first->second.path), "one file for each host");
}

void read_reload(Reading& reading, const Value& value, DeployTarget& target) {
    constexpr std::string_view kAllowed = "program and arguments as a list, without a shell, as in [postfix, reload]";
    if (value.node == nullptr) return;
    target.reload = read_texts(reading, value, ListForm::list, kAllowed);
    if (!target.reload.empty()) reading.check_later(MachineCheck::Kind::program, value, target.reload.front());
}

void read_account(Reading& reading, const Value& value, MachineCheck::Kind kind, std::string& account) {
    auto text = read_text(reading, value, "the name of an account of this machine");
    if (!text) return;
    account = *text;
    reading.check_later(kind, value, account);
}

void read_target(Reading& reading, const Value& value, HostConfig& host) {
    MapReader map(reading, value, {"combined", "owner", "group", "mode", "reload", "reload_timeout"});
    DeployTarget target;
    read_combined(reading, map.required("combined", "the full path that the MTA reads"), target);
    read_account(reading, map["owner"], MachineCheck::Kind::user, target.owner);
    read_account(reading, map["group"], MachineCheck::Kind::group, target.group);
    read_mode(reading, map["mode"], target);
    read_reload(reading, map["reload"], target);
    if (auto limit = read_duration(reading, map["reload_timeout"], std::chrono::seconds(1), std::chrono::minutes(10))) target.reload_timeout = *limit;
    host.deploy.push_back(std::move(target));
}

} // namespace

void read_deploy(Reading& reading, const Value& value, HostConfig& host) {
    for (const Value& item : items_of(reading, value, ListForm::list, "a list as in [{combined: /etc/postfix/tls/mx1.pem, reload: [postfix, reload]}]"))
        read_target(reading, item, host);
}

} // namespace mxseal::agent::config
