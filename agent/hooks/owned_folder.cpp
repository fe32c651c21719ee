#include "agent/hooks/owned_folder.hpp"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

namespace mxseal::agent {

namespace {

Error failed(const char* doing, const std::filesystem::path& where, int number) {
    return Error(ErrorCode::io, fmt::format("{} {}: {}; run this as root or as the user of mxseal", doing, where.string(), std::strerror(number)));
}

} // namespace

Result<FileRights> rights_of(const std::filesystem::path& state) {
    struct ::stat facts{};
    if (::stat(state.c_str(), &facts) != 0) {
        if (errno != ENOENT) return failed("looking at", state, errno);
        return Error(ErrorCode::not_found, fmt::format("the state folder {} does not exist yet; start `mxseal agent`, or run `mxseal apply` once", state.string()));
    }
    FileRights rights;
    if (::geteuid() == 0) {
        rights.owner = facts.st_uid;
        rights.group = facts.st_gid;
    }
    return rights;
}

Status make_owned_folder(const std::filesystem::path& folder, const FileRights& rights) {
    if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return failed("making", folder, errno);
    // By descriptor: where root works in the folder of another user, what stands at the path may be a link or a file of that user's choice.
    FileDescriptor made(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!made) return failed("opening", folder, errno);
    if (rights.owner != static_cast<uid_t>(-1) && ::fchown(made.get(), rights.owner, rights.group) != 0) return failed("giving to the owner of the state folder", folder, errno);
    FileDescriptor parent(::open(folder.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!parent || ::fsync(parent.get()) != 0) return failed("syncing", folder.parent_path(), errno);
    return done();
}

} // namespace mxseal::agent
