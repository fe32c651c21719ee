#include "agent/deploy/accounts.hpp"

#include <vector>

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>

namespace mxseal::agent {

namespace {

constexpr std::size_t kEntryBytesMax = 64 * 1024; // getpwnam_r(3): more than any entry takes

Error unknown(const char* kind, const std::string& name) {
    return Error(ErrorCode::invalid, fmt::format("this machine has no {} '{}'; make it, or change the deploy target in the configuration", kind, escape_untrusted(name, 80)));
}

} // namespace

Result<uid_t> user_id(const std::string& name) {
    if (name.empty()) return static_cast<uid_t>(-1);
    std::vector<char> buffer(kEntryBytesMax);
    passwd entry{};
    passwd* found = nullptr;
    getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
    if (found == nullptr) return unknown("user", name);
    return entry.pw_uid;
}

Result<gid_t> group_id(const std::string& name) {
    if (name.empty()) return static_cast<gid_t>(-1);
    std::vector<char> buffer(kEntryBytesMax);
    group entry{};
    group* found = nullptr;
    getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
    if (found == nullptr) return unknown("group", name);
    return entry.gr_gid;
}

} // namespace mxseal::agent
