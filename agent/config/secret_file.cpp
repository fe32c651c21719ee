#include "agent/config/config.hpp"
#include "agent/config/environment.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace mxseal::agent {

namespace {

constexpr std::size_t kSecretBytesMax = 64 * 1024; // our choice: the largest of them is a PEM key of some 3 KiB

class Descriptor {
public:
    explicit Descriptor(int number) : number_(number) {}
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor() {
        if (number_ >= 0) ::close(number_);
    }
    int get() const { return number_; }

private:
    int number_;
};

Error unusable(const std::filesystem::path& file, const std::string& why) {
    return Error(ErrorCode::invalid, fmt::format("secret file {}: {}", file.string(), why));
}

bool is_group_of_process(gid_t group) {
    if (group == ::getegid()) return true;
    std::vector<gid_t> groups(static_cast<std::size_t>(std::max(0, ::getgroups(0, nullptr))));
    int count = ::getgroups(static_cast<int>(groups.size()), groups.data());
    return count > 0 && std::find(groups.begin(), groups.begin() + count, group) != groups.begin() + count;
}

// systemd shows a credential to the service by an ACL, whose mask stands where the rights of the group do.
enum class Origin { file, credential };

Status check_rights(const std::filesystem::path& file, const struct stat& facts, Origin origin) {
    unsigned mode = facts.st_mode & 07777;
    if (!S_ISREG(facts.st_mode)) return unusable(file, "is not a regular file");
    if (facts.st_uid != 0 && facts.st_uid != ::geteuid())
        return unusable(file, fmt::format("belongs to user {}, who could change it; run chown on it for the user of mxseal", facts.st_uid));
    if ((mode & 0007) != 0) return unusable(file, fmt::format("has mode {:04o}, so everybody can reach it; run chmod 600", mode));
    if (origin == Origin::credential || (mode & 0070) == 0) return done();
    if ((mode & 0030) != 0 || !is_group_of_process(facts.st_gid))
        return unusable(file, fmt::format("has mode {:04o} and group {}; allowed is 0600, or 0640 with the group of mxseal: run chmod 600", mode, facts.st_gid));
    return done();
}

Result<Secret> read_all(const std::filesystem::path& file, const Descriptor& descriptor) {
    Bytes octets(kSecretBytesMax + 1);
    std::size_t used = 0;
    while (used < octets.size()) {
        ssize_t got = ::read(descriptor.get(), octets.data() + used, octets.size() - used);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return unusable(file, fmt::format("cannot be read: {}", std::strerror(errno)));
        if (got == 0) break;
        used += static_cast<std::size_t>(got);
    }
    Secret whole(std::move(octets)); // wiped in any case
    if (used > kSecretBytesMax) return unusable(file, fmt::format("is larger than {} KiB", kSecretBytesMax / 1024));
    ByteView text = whole.reveal().first(used);
    if (!text.empty() && text.back() == '\n') text = text.first(text.size() - 1);
    if (text.empty()) return unusable(file, "is empty");
    return Secret(Bytes(text.begin(), text.end()));
}

Result<Secret> read_checked(const std::filesystem::path& file, Origin origin) {
    Descriptor descriptor(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (descriptor.get() < 0) {
        const bool exists = errno == EACCES || errno == EPERM;
        return unusable(file, fmt::format("cannot be opened: {}; {}", std::strerror(errno), exists ? "run this as the user of mxseal, mostly root" : "make it, mode 0600, for the user of mxseal"));
    }
    struct stat facts{};
    if (::fstat(descriptor.get(), &facts) != 0) return unusable(file, std::strerror(errno));
    if (auto allowed = check_rights(file, facts, origin); !allowed) return std::move(allowed).error();
    return read_all(file, descriptor);
}

} // namespace

Result<Secret> read_secret_file(const std::filesystem::path& file) {
    auto credentials = config::credentials_directory();
    if (credentials && file.string().find('/') == std::string::npos) {
        std::error_code ignored;
        auto credential = *credentials / file;
        if (std::filesystem::exists(credential, ignored)) return read_checked(credential, Origin::credential);
    }
    Origin origin = credentials && file.parent_path() == *credentials ? Origin::credential : Origin::file;
    return read_checked(file, origin);
}

} // namespace mxseal::agent
