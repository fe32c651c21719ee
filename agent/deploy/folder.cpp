#include "agent/deploy/folder.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <vector>

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/random.h>
#include <sys/stat.h>

namespace mxseal::agent {

namespace {

constexpr std::size_t kSuffixDigits = 16;
constexpr std::size_t kLeftoversMax = 1000; // removed at one deploy; a crash leaves one

Result<std::string> random_suffix() {
    std::array<std::uint8_t, kSuffixDigits / 2> octets{};
    if (::getrandom(octets.data(), octets.size(), 0) != static_cast<ssize_t>(octets.size()))
        return Error(ErrorCode::io, fmt::format("getrandom: {}", std::strerror(errno)), Retry::transient());
    return to_hex(octets);
}

std::string prefix_of(const std::string& name) { return fmt::format(".{}.mxseal-", name); }

bool is_leftover(std::string_view entry, const std::string& name) {
    std::string prefix = prefix_of(name);
    if (entry.size() != prefix.size() + kSuffixDigits || !entry.starts_with(prefix)) return false;
    return entry.substr(prefix.size()).find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool others_may_write(const struct stat& facts) { return (facts.st_mode & 022) != 0 && (facts.st_mode & S_ISVTX) == 0; }

Error refused(const std::filesystem::path& where, const std::string& why) {
    return Error(ErrorCode::refused, fmt::format("{} {}; nothing was written", where.string(), why));
}

// A link is followed only where nobody but root and us can turn it.
Status check_link(const std::filesystem::path& folder) {
    struct stat facts{};
    if (::lstat(folder.c_str(), &facts) != 0 || !S_ISLNK(facts.st_mode)) return done();
    struct stat parent{};
    if (::stat(folder.parent_path().c_str(), &parent) != 0) return done();
    bool ours = facts.st_uid == 0 || facts.st_uid == ::geteuid();
    // In a sticky folder others cannot replace our link, elsewhere who may write there can.
    if (ours && !others_may_write(parent)) return done();
    return refused(folder, "is a link that others could turn elsewhere; use the real folder in the configuration");
}

Status check_folder(const std::filesystem::path& folder, const struct stat& facts) {
    if (facts.st_uid != 0 && facts.st_uid != ::geteuid() && ::geteuid() != 0)
        return refused(folder, fmt::format("belongs to user {}; it must belong to root or to the user of mxseal", facts.st_uid));
    if ((facts.st_mode & 022) != 0)
        return refused(folder, fmt::format("has mode {:04o}, so others could put their own file there; run chmod go-w {}", facts.st_mode & 07777, folder.string()));
    return done();
}

} // namespace

Error TargetFolder::failed(const char* doing, const std::string& name, int number) const {
    bool space = number == ENOSPC || number == EDQUOT || number == EFBIG;
    const char* next = space ? "the file in place is untouched; free space there, mxseal tries again"
                             : "the file in place is untouched; the user of mxseal needs the rights for it";
    return Error(ErrorCode::io, fmt::format("{} {}: {}; {}", doing, (path_ / name).string(), std::strerror(number), next), space ? Retry::transient() : Retry::never());
}

Result<TargetFolder> TargetFolder::open(const std::filesystem::path& folder) {
    if (auto checked = check_link(folder); !checked) return std::move(checked).error();
    FileDescriptor descriptor(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!descriptor)
        return Error(ErrorCode::io, fmt::format("opening folder {}: {}; make it, owned by root or by the user of mxseal, mode 0755 or less", folder.string(), std::strerror(errno)));
    struct stat facts{};
    if (::fstat(descriptor.get(), &facts) != 0) return Error(ErrorCode::io, fmt::format("looking at {}: {}", folder.string(), std::strerror(errno)));
    if (auto checked = check_folder(folder, facts); !checked) return std::move(checked).error();
    return TargetFolder(folder, std::move(descriptor));
}

Result<std::optional<struct ::stat>> TargetFolder::facts(const std::string& name) const {
    struct stat found{};
    if (::fstatat(descriptor_.get(), name.c_str(), &found, AT_SYMLINK_NOFOLLOW) == 0) {
        if (S_ISREG(found.st_mode)) return std::optional<struct ::stat>(found);
        return refused(path_ / name, "is a link or no regular file; name the file itself in the configuration");
    }
    if (errno == ENOENT) return std::optional<struct ::stat>();
    return failed("looking at", name, errno);
}

Result<std::optional<Secret>> TargetFolder::read(const std::string& name) const {
    auto found = facts(name);
    if (!found) return std::move(found).error();
    if (!*found) return std::optional<Secret>();
    FileDescriptor file(::openat(descriptor_.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!file) return failed("opening", name, errno);
    Bytes buffer(kDeployedBytesMax + 1);
    std::size_t used = 0;
    while (used < buffer.size()) {
        ssize_t got = ::read(file.get(), buffer.data() + used, buffer.size() - used);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return failed("reading", name, errno);
        if (got == 0) break;
        used += static_cast<std::size_t>(got);
    }
    Secret whole(std::move(buffer)); // wiped in any case
    if (used > kDeployedBytesMax) return refused(path_ / name, fmt::format("is larger than {} KiB, so it holds no key and chain", kDeployedBytesMax / 1024));
    ByteView content = whole.reveal().first(used);
    return std::optional<Secret>(Secret(Bytes(content.begin(), content.end())));
}

Status TargetFolder::fill(const FileDescriptor& file, const std::string& name, ByteView content, const FileRights& rights) const {
    while (!content.empty()) {
        ssize_t written = ::write(file.get(), content.data(), content.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return failed("writing beside", name, errno);
        content = content.subspan(static_cast<std::size_t>(written));
    }
    // Owner first: a chown may clear bits of the mode.
    if ((rights.owner != static_cast<uid_t>(-1) || rights.group != static_cast<gid_t>(-1)) && ::fchown(file.get(), rights.owner, rights.group) != 0)
        return failed("setting the owner of", name, errno);
    if (::fchmod(file.get(), rights.mode) != 0) return failed("setting the mode of", name, errno);
    if (::fsync(file.get()) != 0) return failed("syncing", name, errno);
    return done();
}

Result<std::string> TargetFolder::write_beside(const std::string& name, ByteView content, const FileRights& rights) const {
    auto suffix = random_suffix();
    if (!suffix) return std::move(suffix).error();
    std::string beside = prefix_of(name) + *suffix;
    // G-01: for its owner only from the first instant, whatever the umask is.
    FileDescriptor file(::openat(descriptor_.get(), beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file) return failed("making a file beside", name, errno);
    if (auto filled = fill(file, name, content, rights); !filled) {
        remove(beside);
        return std::move(filled).error();
    }
    return beside;
}

Status TargetFolder::rename(const std::string& from, const std::string& to) const {
    if (::renameat(descriptor_.get(), from.c_str(), descriptor_.get(), to.c_str()) != 0) {
        int number = errno;
        remove(from);
        return failed("renaming to", to, number);
    }
    if (::fsync(descriptor_.get()) == 0) return done();
    return Error(ErrorCode::ambiguous, fmt::format("syncing folder {}: {}; {} is in place, but a power cut could bring the old one back: check the disk", path_.string(), std::strerror(errno), to),
                 Retry::transient());
}

Status TargetFolder::set_rights(const std::string& name, const FileRights& rights) const {
    FileDescriptor file(::openat(descriptor_.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!file) return failed("opening", name, errno);
    return fill(file, name, {}, rights);
}

void TargetFolder::remove(const std::string& name) const { ::unlinkat(descriptor_.get(), name.c_str(), 0); }

void TargetFolder::remove_leftovers(const std::string& name) const {
    int copy = ::openat(descriptor_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (copy < 0) return;
    std::unique_ptr<DIR, int (*)(DIR*)> listing(::fdopendir(copy), ::closedir);
    if (!listing) {
        ::close(copy);
        return;
    }
    std::vector<std::string> found;
    while (const dirent* entry = ::readdir(listing.get()))
        if (found.size() < kLeftoversMax && is_leftover(entry->d_name, name)) found.emplace_back(entry->d_name);
    for (const std::string& leftover : found) remove(leftover);
}

} // namespace mxseal::agent
