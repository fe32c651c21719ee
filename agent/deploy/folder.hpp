// TargetFolder: the folder in which a file is replaced, held open, so that all steps happen in the same one.
//
// All names are relative to it. Temporary files are `.<file>.mxseal-<16 hex digits>`, only ours look like that.
#pragma once

#include "base/bytes.hpp"
#include "base/file_descriptor.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"

#include <filesystem>
#include <optional>
#include <string>

#include <sys/stat.h>

namespace mxseal::agent {

// Our choice: a key and a chain take 10 KiB; beyond a mebibyte the file is something else.
constexpr std::size_t kDeployedBytesMax = 1024 * 1024;

struct FileRights {
    uid_t owner = static_cast<uid_t>(-1); // -1: as the process makes it
    gid_t group = static_cast<gid_t>(-1);
    unsigned mode = 0600;
};

class TargetFolder {
public:
    // `refused` when group or others may write there without the sticky bit, or when the path to it is a link that others
    // could turn: they could have the key written elsewhere.
    static Result<TargetFolder> open(const std::filesystem::path& folder);

    // Nothing when there is no such file; `refused` when it is a link or no regular file.
    Result<std::optional<Secret>> read(const std::string& name) const;
    Result<std::optional<struct ::stat>> facts(const std::string& name) const;
    // A new file beside `name`, complete, synced and with its rights; its own name is returned.
    Result<std::string> write_beside(const std::string& name, ByteView content, const FileRights& rights) const;
    // Puts `from` at `to` and syncs the folder. A crash leaves the old file or the new one.
    Status rename(const std::string& from, const std::string& to) const;
    Status set_rights(const std::string& name, const FileRights& rights) const;
    void remove(const std::string& name) const;
    // Removes what a crash in the middle of an earlier deploy of `name` left behind.
    void remove_leftovers(const std::string& name) const;

private:
    TargetFolder(std::filesystem::path path, FileDescriptor descriptor) : path_(std::move(path)), descriptor_(std::move(descriptor)) {}
    Status fill(const FileDescriptor& file, const std::string& name, ByteView content, const FileRights& rights) const;
    Error failed(const char* doing, const std::string& name, int number) const;

    std::filesystem::path path_;
    FileDescriptor descriptor_;
};

} // namespace mxseal::agent
