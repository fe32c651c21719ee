#include "agent/hooks/inbox.hpp"

#include "agent/deploy/folder.hpp"
#include "agent/hooks/owned_folder.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>
#include <unistd.h>

namespace mxseal::agent {

namespace {

constexpr std::string_view kEnding = ".pem";

Error failed(const char* doing, const std::filesystem::path& where, int number) {
    return Error(ErrorCode::io, fmt::format("{} {}: {}; run the hook as root or as the user of mxseal", doing, where.string(), std::strerror(number)));
}

Secret content_of(const ClientPair& pair) {
    Bytes text;
    if (pair.key) {
        const Secret key = pair.key->to_pem();
        text.reserve(key.reveal().size() + pair.chain_pem.size()); // no reallocation, which would leave a copy behind
        text.insert(text.end(), key.reveal().begin(), key.reveal().end());
    }
    text.insert(text.end(), pair.chain_pem.begin(), pair.chain_pem.end());
    return Secret(std::move(text));
}

// The chain begins with the first certificate; the key, where there is one, stands before it.
Result<ClientPair> split(const Secret& content, Instant now) {
    const std::string_view text(reinterpret_cast<const char*>(content.reveal().data()), content.reveal().size());
    const auto at = text.find("-----BEGIN CERTIFICATE-----");
    if (at == std::string_view::npos) return Error(ErrorCode::invalid, "it holds no certificate");
    std::optional<Secret> key;
    if (at > 0) key = Secret(text.substr(0, at));
    return check_client_pair(key, text.substr(at), now);
}

bool is_name(const std::string& name) {
    return name.size() == 64 + kEnding.size() && name.ends_with(kEnding) && name.find_first_not_of("0123456789abcdef") == 64;
}

} // namespace

Status Inbox::leave(const ClientPair& pair) const {
    auto rights = rights_of(folder_.parent_path());
    if (!rights) return std::move(rights).error();
    if (auto made = make_owned_folder(folder_, *rights); !made) return made;
    auto folder = TargetFolder::open(folder_);
    if (!folder) return std::move(folder).error();
    const std::string name = pair.leaf_sha256 + std::string(kEnding);
    folder->remove_leftovers(name); // of a hook that was killed
    const Secret content = content_of(pair);
    auto beside = folder->write_beside(name, content.reveal(), *rights);
    if (!beside) return std::move(beside).error();
    return folder->rename(*beside, name);
}

bool Inbox::holds(const std::string& id) const { return ::access((folder_ / (id + std::string(kEnding))).c_str(), F_OK) == 0; }

Result<std::vector<std::string>> Inbox::list() const {
    std::vector<std::string> names;
    std::error_code problem;
    std::filesystem::directory_iterator entries(folder_, problem);
    if (problem == std::errc::no_such_file_or_directory) return names;
    if (problem) return failed("reading", folder_, problem.value());
    for (const auto& entry : entries)
        if (const auto name = entry.path().filename().string(); is_name(name)) names.push_back(name.substr(0, 64));
    std::sort(names.begin(), names.end());
    names.resize(std::min(names.size(), kInboxMax));
    return names;
}

Result<ClientPair> Inbox::read(const std::string& id, Instant now) const {
    auto folder = TargetFolder::open(folder_);
    if (!folder) return std::move(folder).error();
    auto content = folder->read(id + std::string(kEnding));
    if (!content) return std::move(content).error();
    if (!*content) return Error(ErrorCode::not_found, "it is gone");
    return split(**content, now);
}

Status Inbox::remove(const std::string& id) const {
    if (::unlink((folder_ / (id + std::string(kEnding))).c_str()) == 0 || errno == ENOENT) return done();
    return failed("removing", folder_ / (id + std::string(kEnding)), errno);
}

} // namespace mxseal::agent
