// Writing and removing what `hook install` is about; another's file is never touched.
#include "agent/hooks/set_up.hpp"

#include "agent/deploy/folder.hpp"

#include <cerrno>
#include <cstring>

#include <fmt/format.h>
#include <unistd.h>

namespace mxseal::agent {

namespace {

constexpr std::string_view kMark = "# Written by `mxseal hook install";

// Nothing: no file. `refused`: not ours.
Result<std::optional<std::string>> own_content(const std::filesystem::path& file) {
    std::error_code ignored;
    if (!std::filesystem::exists(std::filesystem::symlink_status(file, ignored))) return std::optional<std::string>();
    auto folder = TargetFolder::open(file.parent_path());
    if (!folder) return std::move(folder).error();
    auto content = folder->read(file.filename());
    if (!content) return std::move(content).error();
    if (!*content) return std::optional<std::string>();
    std::string text(reinterpret_cast<const char*>((**content).reveal().data()), (**content).reveal().size());
    if (text.find(kMark) == std::string::npos)
        return Error(ErrorCode::refused, fmt::format("{} was not written by mxseal and stays as it is; move it away, or call mxseal from it", file.string()));
    return std::optional(std::move(text));
}

} // namespace

Result<Written> write_hook(const HookFile& file) {
    auto there = own_content(file.file);
    if (!there) return std::move(there).error();
    if (*there && **there == file.content) return Written::there_already;
    std::error_code problem;
    std::filesystem::create_directories(file.file.parent_path(), problem);
    if (problem) return Error(ErrorCode::io, fmt::format("making {}: {}", file.file.parent_path().string(), problem.message()));
    auto folder = TargetFolder::open(file.file.parent_path());
    if (!folder) return std::move(folder).error();
    FileRights rights;
    rights.mode = file.mode;
    auto beside = folder->write_beside(file.file.filename(), view_of(file.content), rights);
    if (!beside) return std::move(beside).error();
    if (auto renamed = folder->rename(*beside, file.file.filename()); !renamed) return std::move(renamed).error();
    return *there ? Written::renewed : Written::made;
}

Result<Written> remove_hook(const HookFile& file) {
    auto there = own_content(file.file);
    if (!there) return std::move(there).error();
    if (!*there) return Written::not_there;
    if (::unlink(file.file.c_str()) != 0) return Error(ErrorCode::io, fmt::format("removing {}: {}", file.file.string(), std::strerror(errno)));
    return Written::removed;
}

} // namespace mxseal::agent
