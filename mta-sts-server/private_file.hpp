// Files with private keys in them: only their owner may read them (G-02), and a reader sees the old one or the new one, whole.
#pragma once

#include "base/bytes.hpp"
#include "base/file_descriptor.hpp"
#include "base/result.hpp"

#include <cstdint>
#include <filesystem>

namespace mxseal::server {

// Open for reading. `not_found`; `refused`: no regular file, others may read it, or it belongs to neither us nor root; `io`.
Result<FileDescriptor> open_private(const std::filesystem::path& file);

// All of an open file. `invalid`: it has more than `most` octets; `io`.
Result<Bytes> read_whole(int file, std::size_t most);

// `file`.new, empty and mode 0600; what an earlier run left there is gone. One writer at a time. `io`.
Result<FileDescriptor> make_beside(const std::filesystem::path& file);
std::filesystem::path beside(const std::filesystem::path& file);
// All of `octets`. `io`.
Status write_whole(int file, ByteView octets);
// Synced and renamed from beside(file) to `file`, its folder synced too. `io`.
Status put_in_place(int written, const std::filesystem::path& file);

// The three together.
Status replace_private(const std::filesystem::path& file, ByteView octets);

// What tells one file under a name from the next; all zero: there is none.
struct FileMark {
    std::uint64_t device = 0, node = 0, size = 0;
    std::int64_t changed_ns = 0;
    bool operator==(const FileMark&) const = default;
};
FileMark mark_of(const std::filesystem::path& file);

} // namespace mxseal::server
