#include "mta-sts-server/private_file.hpp"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

namespace mxseal::server {

namespace {

Error failed(const char* doing) { return Error(ErrorCode::io, fmt::format("{}: {}", doing, std::strerror(errno))); }

} // namespace

Result<FileDescriptor> open_private(const std::filesystem::path& file) {
    FileDescriptor descriptor(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)); // not held up by a pipe
    if (!descriptor && errno == ENOENT) return Error(ErrorCode::not_found, "there is no such file");
    if (!descriptor) return failed("cannot be opened");
    struct stat facts{};
    if (::fstat(descriptor.get(), &facts) != 0) return failed("cannot be looked at");
    if (!S_ISREG(facts.st_mode)) return Error(ErrorCode::refused, "is no regular file");
    // G-02: private keys stand in it.
    if ((facts.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return Error(ErrorCode::refused, fmt::format("has mode {:04o}, and there are private keys in it: chmod 0600", facts.st_mode & 07777u));
    if (facts.st_uid != ::geteuid() && facts.st_uid != 0)
        return Error(ErrorCode::refused, fmt::format("belongs to user {}, who is neither root nor the one that serves it: chown it", facts.st_uid));
    return descriptor;
}

Result<Bytes> read_whole(int file, std::size_t most) {
    Bytes out;
    Bytes block(64 * 1024);
    for (;;) {
        const auto count = ::read(file, block.data(), block.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return failed("cannot be read");
        if (count == 0) return out;
        out.insert(out.end(), block.begin(), block.begin() + count);
        if (out.size() > most) return Error(ErrorCode::invalid, fmt::format("has more than {} octets", most));
    }
}

std::filesystem::path beside(const std::filesystem::path& file) {
    auto out = file;
    out += ".new";
    return out;
}

Result<FileDescriptor> make_beside(const std::filesystem::path& file) {
    const auto name = beside(file);
    const auto in_context = [&](Error error) { return std::move(error).in_context(name.string()); };
    if (::unlink(name.c_str()) != 0 && errno != ENOENT) return in_context(failed("what an earlier run left cannot be removed"));
    FileDescriptor descriptor(::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!descriptor) return in_context(failed("cannot be made"));
    return descriptor;
}

Status write_whole(int file, ByteView octets) {
    while (!octets.empty()) {
        const auto count = ::write(file, octets.data(), octets.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return failed("cannot be written");
        octets = octets.subspan(static_cast<std::size_t>(count));
    }
    return done();
}

Status put_in_place(int written, const std::filesystem::path& file) {
    if (::fsync(written) != 0) return failed("cannot be synced");
    if (::rename(beside(file).c_str(), file.c_str()) != 0) return failed("cannot be replaced");
    const auto parent = file.parent_path();
    const FileDescriptor folder(::open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder || ::fsync(folder.get()) != 0) return failed("its folder cannot be synced");
    return done();
}

Status replace_private(const std::filesystem::path& file, ByteView octets) {
    auto descriptor = make_beside(file);
    if (!descriptor) return std::move(descriptor).error();
    auto written = write_whole(descriptor->get(), octets);
    if (written) written = put_in_place(descriptor->get(), file);
    if (written) return written;
    ::unlink(beside(file).c_str());
    return std::move(written).error().in_context(file.string());
}

FileMark mark_of(const std::filesystem::path& file) {
    struct stat facts{};
    if (::stat(file.c_str(), &facts) != 0) return {};
    return {facts.st_dev, facts.st_ino, static_cast<std::uint64_t>(facts.st_size), std::int64_t{facts.st_ctim.tv_sec} * 1'000'000'000 + facts.st_ctim.tv_nsec};
}

} // namespace mxseal::server
