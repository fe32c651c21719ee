#include "agent/store/state_folder.hpp"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace mxseal::agent {

namespace {

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

Error failed(const char* what, const std::filesystem::path& where, int number, const char* next) {
    return Error(ErrorCode::io, fmt::format("{} {}: {}; {}", what, where.string(), std::strerror(number), next));
}

Status sync_folder(const std::filesystem::path& folder) {
    Descriptor descriptor(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (descriptor.get() < 0 || ::fsync(descriptor.get()) != 0) return failed("syncing", folder, errno, "check the disk");
    return done();
}

// Run by root (a first `mxseal init`), the file must still belong to the user of the agent, who owns the folder.
Status own_as_folder(const Descriptor& descriptor, const std::filesystem::path& file) {
    struct stat folder{};
    if (::geteuid() != 0 || ::stat(file.parent_path().c_str(), &folder) != 0) return done();
    if (::fchown(descriptor.get(), folder.st_uid, folder.st_gid) != 0)
        return failed("giving to the owner of its folder", file, errno, "run mxseal as that user");
    return done();
}

Status check_private_file(const std::filesystem::path& file) {
    struct stat facts{};
    if (::lstat(file.c_str(), &facts) != 0) return failed("looking at", file, errno, "check the rights of its folder");
    if (!S_ISREG(facts.st_mode))
        return Error(ErrorCode::refused, fmt::format("{} is not a regular file; move it away, mxseal makes its own", file.string()));
    if ((facts.st_mode & 077) != 0)
        return Error(ErrorCode::refused, fmt::format("{} has mode {:04o}, so others can read the state of mxseal; run chmod 600 {}",
                                                     file.string(), facts.st_mode & 07777, file.string()));
    return done();
}

} // namespace

Status prepare_state_folder(const std::filesystem::path& folder) {
    if (::mkdir(folder.c_str(), 0700) == 0) {
        // A umask only takes rights away, but of the owner's too: 0277 would leave a folder that nobody can use.
        if (::chmod(folder.c_str(), 0700) != 0) return failed("setting the mode of", folder, errno, "check its owner");
        auto parent = folder.parent_path();
        return parent.empty() ? done() : sync_folder(parent);
    }
    if (errno != EEXIST)
        return failed("making the state folder", folder, errno, "make it for the user of mxseal (mode 0700), or set `state:` to a folder that can be written");
    struct stat facts{};
    if (::stat(folder.c_str(), &facts) != 0) return failed("looking at the state folder", folder, errno, "check the rights on its path");
    if (!S_ISDIR(facts.st_mode)) return failed("using the state folder", folder, ENOTDIR, "set `state:` to a folder");
    if ((facts.st_mode & 022) != 0)
        return Error(ErrorCode::refused, fmt::format("state folder {} has mode {:04o}: others could replace the database; run chmod 700 {}",
                                                     folder.string(), facts.st_mode & 07777, folder.string()));
    return done();
}

Status prepare_private_file(const std::filesystem::path& file) {
    Descriptor descriptor(::open(file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (descriptor.get() < 0) {
        if (errno == EEXIST) return check_private_file(file);
        return failed("making", file, errno, "make its folder writable for the user of mxseal, or free space there");
    }
    if (::fchmod(descriptor.get(), 0600) != 0) return failed("setting the mode of", file, errno, "check its folder");
    if (auto owned = own_as_folder(descriptor, file); !owned) return owned;
    if (::fsync(descriptor.get()) != 0) return failed("syncing", file, errno, "check the disk");
    return sync_folder(file.parent_path());
}

} // namespace mxseal::agent
