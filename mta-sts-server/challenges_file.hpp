// The challenges of the endpoint as a small file beside the snapshot, FILE.challenges: whoever orders certificates writes it, `serve`
// answers from it. Replaced as a whole; without the file there are none.
//
//   head    16   "mxsealCH", u32 format, u32 zero
//   http         u32 count; each: u8 length + host, u8 length + token, u16 length + key authorization
//   tls-alpn     u32 count; each: u8 length + name, u32 length + certificate, scalar (32), point (65)
//   sum     32   SHA-256 of all before
//
// Both lists are sorted, hosts with their tokens, and nothing stands twice. Numbers are little endian.
#pragma once

#include "base/result.hpp"
#include "mta-sts-server/challenges.hpp"
#include "mta-sts-server/private_file.hpp"

#include <filesystem>
#include <memory>
#include <optional>

namespace mxseal::server {

inline constexpr std::uint32_t kChallengesFormat = 1;
// Our choice: each list has at most so many (a CA lets an account have a few hundred orders open), a certificate of RFC 8737 is some
// 500 octets; the file is therefore at most some MiB.
inline constexpr std::size_t kChallengesMax = 4096, kChallengeCertificateMax = 2048;
inline constexpr std::size_t kChallengesFileMax = 16 * 1024 * 1024;

// `invalid`: a host name not in the form of served_name(), a token or key authorization that is none, too many, no P-256 key.
Result<Secret> pack_challenges(const Challenges& challenges);
// `invalid`: another format, cut, damaged, out of order, or what pack_challenges() would refuse.
Result<Challenges> unpack_challenges(ByteView octets);

// "/var/lib/mxseal/snapshot" -> "/var/lib/mxseal/snapshot.challenges".
std::filesystem::path challenges_file_of(const std::filesystem::path& snapshot);

// Mode 0600, in place and synced when it returns; one writer at a time. `invalid` as above, `io`.
Status write_challenges(const std::filesystem::path& file, const Challenges& challenges);
// No file: no challenges. `refused`: others than its owner may read it; `invalid`, `io`.
Result<std::shared_ptr<const Challenges>> read_challenges(const std::filesystem::path& file);

// Notices that the file was replaced. Not thread-safe.
class ChallengesWatch {
public:
    explicit ChallengesWatch(std::filesystem::path file) : file_(std::move(file)) {}
    // The challenges when the file is another one than at the last look, has gone, or cannot be used; nothing: all as it was.
    std::optional<Result<std::shared_ptr<const Challenges>>> look();
    void look_again() { seen_.reset(); }

private:
    std::filesystem::path file_;
    std::optional<FileMark> seen_ = FileMark{}; // there was none before the first look, and that is no news
};

} // namespace mxseal::server
