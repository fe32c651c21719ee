#include "agent/hooks/handover.hpp"

#include "agent/hooks/owned_folder.hpp"
#include "agent/keys/certificates.hpp"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

namespace mxseal::agent {

namespace {

namespace fs = std::filesystem;

Error failed(const char* doing, const fs::path& where, int number) { return Error(ErrorCode::io, fmt::format("{} {}: {}", doing, where.string(), std::strerror(number))); }

Status put(const TargetFolder& folder, const std::string& name, ByteView content, const FileRights& rights) {
    auto beside = folder.write_beside(name, content, rights);
    if (!beside) return std::move(beside).error();
    return folder.rename(*beside, name);
}

Status fill(const fs::path& place, const HostConfig& host, const PrivateKey& key, const FileRights& rights) {
    if (auto made = make_owned_folder(place, rights); !made) return made;
    auto folder = TargetFolder::open(place);
    if (!folder) return std::move(folder).error();
    auto request = make_csr_pem(key, {host.name});
    if (!request) return std::move(request).error();
    const Secret pem = key.to_pem();
    if (auto stored = put(*folder, "csr.pem", view_of(*request), rights); !stored) return stored;
    return put(*folder, "key.pem", pem.reveal(), rights);
}

// Named by what is in it, so that a folder that was begun is finished and one that is finished stays.
std::string name_of_version(const std::string& name, const std::vector<rotation::SpkiHash>& keys) {
    std::string version = "." + name + "-";
    for (const auto& key : keys) version += key.hex().substr(0, 16);
    return version;
}

bool is_complete(const fs::path& place) {
    std::error_code ignored;
    return fs::exists(place / "key.pem", ignored) && fs::exists(place / "csr.pem", ignored);
}

Status turn_link(const fs::path& link, const std::string& version) {
    const fs::path beside = link.parent_path() / (version + ".link");
    ::unlink(beside.c_str());
    if (::symlink(version.c_str(), beside.c_str()) != 0) return failed("making", beside, errno);
    if (::rename(beside.c_str(), link.c_str()) != 0) return failed("turning", link, errno);
    FileDescriptor parent(::open(link.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!parent || ::fsync(parent.get()) != 0) return failed("syncing", link.parent_path(), errno);
    return done();
}

// G-01: no copies of keys that nobody asks for any more.
void remove_older(const fs::path& link, const std::string& version) {
    const std::string prefix = "." + link.filename().string() + "-";
    std::error_code ignored;
    std::vector<fs::path> older;
    for (const auto& entry : fs::directory_iterator(link.parent_path(), ignored)) {
        const auto name = entry.path().filename().string();
        const bool digits = name.size() > prefix.size() && name.find_first_not_of("0123456789abcdef", prefix.size()) == std::string::npos;
        if (name.starts_with(prefix) && digits && name != version) older.push_back(entry.path());
    }
    for (const fs::path& each : older) fs::remove_all(each, ignored);
}

} // namespace

Result<fs::path> hand_over(const fs::path& state, const HostConfig& host, const std::vector<rotation::SpkiHash>& keys, const KeyVault& vault) {
    const fs::path link = host.external.folder.value_or(state / "handover" / host.name.text());
    auto rights = rights_of(host.external.folder ? link.parent_path() : state);
    if (!rights) return std::move(rights).error();
    if (!host.external.folder)
        if (auto made = make_owned_folder(link.parent_path(), *rights); !made) return std::move(made).error();
    std::error_code ignored;
    if (fs::exists(fs::symlink_status(link, ignored)) && !fs::is_symlink(link, ignored))
        return Error(ErrorCode::refused, fmt::format("{} is not a link of mxseal's; move it away, or let `external.folder` name another place", link.string()));
    const std::string version = name_of_version(link.filename().string(), keys);
    const fs::path place = link.parent_path() / version;
    for (std::size_t i = 0; i < keys.size(); ++i) {
        auto key = vault.get(keys[i]);
        if (!key) return std::move(key).error();
        const fs::path own = i == 0 ? place : place / std::string(rotation::to_string(key->algorithm()));
        if (is_complete(own)) continue;
        if (auto filled = fill(own, host, *key, *rights); !filled) return std::move(filled).error();
    }
    if (fs::read_symlink(link, ignored) != version)
        if (auto turned = turn_link(link, version); !turned) return std::move(turned).error();
    remove_older(link, version);
    return link;
}

} // namespace mxseal::agent
