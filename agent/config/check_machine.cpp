// What only this machine can answer: files that are named, accounts, programs. load_config() asks; parse_config() does not.
#include "agent/config/environment.hpp"
#include "agent/config/postfix_main.hpp"
#include "agent/config/reading.hpp"

#include <array>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

namespace mxseal::agent::config {

namespace {

constexpr const char* kMainCf = "/etc/postfix/main.cf"; // Debian's place, and most others'

// The PATH that the deployer gives to `reload`.
constexpr std::array<const char*, 4> kProgramFolders{"/usr/sbin", "/usr/bin", "/sbin", "/bin"};

void check_secret(Reading& reading, const MachineCheck& check, bool base64) {
    auto secret = read_secret_file(check.value);
    if (!secret) return reading.mistake_at(check.line, fmt::format("{} '{}' is not usable: {}", check.path, check.value, secret.error().message()));
    std::string_view text(reinterpret_cast<const char*>(secret->reveal().data()), secret->reveal().size());
    if (base64 && !from_base64(text)) // its message would show the secret
        reading.mistake_at(check.line, fmt::format("{} '{}' holds no base64; allowed: the secret in base64 on one line, as the server's configuration has it", check.path, check.value));
}

void check_readable(Reading& reading, const MachineCheck& check) {
    if (::access(check.value.c_str(), R_OK) == 0) return;
    auto text = fmt::format("{} '{}' cannot be read: {}", check.path, check.value, std::strerror(errno));
    if (check.kind == MachineCheck::Kind::readable)
        reading.mistake_at(check.line, text + "; allowed: a file that the user of mxseal can read");
    else
        reading.warn(check.line, text + "; install dns-root-data, or set it");
}

template <class Entry, class Lookup>
bool account_exists(const std::string& name, Lookup lookup) {
    std::vector<char> buffer(64 * 1024); // getpwnam_r(3): more than any entry takes
    Entry entry{};
    Entry* found = nullptr;
    lookup(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
    return found != nullptr;
}

void check_account(Reading& reading, const MachineCheck& check) {
    bool user = check.kind == MachineCheck::Kind::user;
    if (user ? account_exists<passwd>(check.value, ::getpwnam_r) : account_exists<group>(check.value, ::getgrnam_r)) return;
    reading.mistake_at(check.line, fmt::format("{} '{}' is not a {} of this machine; allowed: one that `getent {}` knows", check.path, escape_untrusted(check.value, 80), user ? "user" : "group",
                                               user ? "passwd" : "group"));
}

void check_program(Reading& reading, const MachineCheck& check) {
    bool found = false;
    if (check.value.find('/') != std::string::npos)
        found = check.value.front() == '/' && ::access(check.value.c_str(), X_OK) == 0;
    else
        for (const char* folder : kProgramFolders) found = found || ::access(fmt::format("{}/{}", folder, check.value).c_str(), X_OK) == 0;
    if (!found)
        reading.warn(check.line, fmt::format("{}: program '{}' is not there; allowed: a full path, or a name in /usr/sbin, /usr/bin, /sbin, /bin", check.path, escape_untrusted(check.value, 80)));
}

void check_folder(Reading& reading, const MachineCheck& check) {
    std::error_code ignored;
    if (std::filesystem::is_directory(check.value, ignored)) return;
    reading.warn(check.line, fmt::format("{}: folder '{}' is not there; make it before mxseal deploys", check.path, escape_untrusted(check.value, 200)));
}

// A bare name is a credential of systemd when there is one of that name, else a file beside the configuration.
void settle_secret_names(Reading& reading) {
    auto credentials = credentials_directory();
    auto settle = [&](const std::string& name) -> std::string {
        std::error_code ignored;
        if (name.find('/') != std::string::npos || (credentials && std::filesystem::exists(*credentials / name, ignored))) return name;
        return reading.resolved(name).string();
    };
    for (auto& entry : reading.config.providers)
        if (!entry.second.tsig_secret_file.empty()) entry.second.tsig_secret_file = settle(entry.second.tsig_secret_file.string());
    for (MachineCheck& check : reading.checks)
        if (check.kind == MachineCheck::Kind::secret || check.kind == MachineCheck::Kind::base64_secret) check.value = settle(check.value);
}

// A client's own folder holds a new key as soon as it is issued; mxseal's file only when every cache holds its record.
void check_mta(Reading& reading) {
    const HostConfig* external = nullptr;
    for (const auto& [name, host] : reading.config.hosts)
        if (host.certificate == "external" && external == nullptr) external = &host;
    if (external == nullptr || external->deploy.empty()) return;
    for (const PostfixFile& each : read_postfix(kMainCf).files)
        if (const auto client = client_folder_of(each.file); !client.empty())
            reading.warn(external->line, fmt::format("Postfix reads {} from {}'s folder ({} in {}), so a new key would be served before its TLSA record is held; set smtpd_tls_chain_files = {} and take that line out", each.file,
                                                     client, each.parameter, kMainCf, external->deploy.front().combined.string()));
}

} // namespace

void check_machine(Reading& reading) {
    settle_secret_names(reading);
    check_mta(reading);
    for (const MachineCheck& check : reading.checks) {
        switch (check.kind) {
        case MachineCheck::Kind::secret: check_secret(reading, check, false); break;
        case MachineCheck::Kind::base64_secret: check_secret(reading, check, true); break;
        case MachineCheck::Kind::readable:
        case MachineCheck::Kind::readable_or_warn: check_readable(reading, check); break;
        case MachineCheck::Kind::user:
        case MachineCheck::Kind::group: check_account(reading, check); break;
        case MachineCheck::Kind::program: check_program(reading, check); break;
        case MachineCheck::Kind::folder: check_folder(reading, check); break;
        }
    }
}

} // namespace mxseal::agent::config
