#include "mta-sts-server/served_generation.hpp"

#include "mta-sts-server/private_file.hpp"

#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>

#include <fcntl.h>
#include <fmt/format.h>

namespace mxseal::server {

namespace {

constexpr std::string_view kWord = "generation ";
constexpr std::size_t kFileMax = 64; // the word, twenty digits, an end of line

std::optional<std::uint64_t> generation_of(std::string_view text) {
    if (!text.starts_with(kWord) || !text.ends_with('\n')) return std::nullopt;
    const auto digits = text.substr(kWord.size(), text.size() - kWord.size() - 1);
    std::uint64_t generation = 0;
    const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), generation);
    if (failure != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
    return generation;
}

Error in_context(Error error, const std::filesystem::path& file) { return std::move(error).in_context(fmt::format("served generation {}", file.string())); }

} // namespace

Result<ServedGeneration> ServedGeneration::open(std::filesystem::path file) {
    ServedGeneration served(std::move(file));
    const FileDescriptor descriptor(::open(served.file_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)); // not held up by a pipe
    if (!descriptor && errno == ENOENT) return served;
    if (!descriptor) return in_context(Error(ErrorCode::io, fmt::format("cannot be opened: {}", std::strerror(errno))), served.file_);
    auto octets = read_whole(descriptor.get(), kFileMax);
    if (!octets) return in_context(std::move(octets).error(), served.file_);
    const auto generation = generation_of(to_text(*octets));
    if (!generation)
        return in_context(Error(ErrorCode::invalid, "holds something else than 'generation N', so it is not known what was served before; make sure that the snapshot is the newest, "
                                                    "remove this file and start again"),
                          served.file_);
    served.highest_ = *generation;
    served.stored_ = true;
    return served;
}

Status ServedGeneration::raise(std::uint64_t generation) {
    // C-28: below what was served, no handshake at all is better than an old policy under a new id.
    if (generation < highest_)
        return Error(ErrorCode::refused, fmt::format("the snapshot has generation {}, and this replica has served {} already ({}): an older one would bring back policies whose ids are gone (RFC 8461 section 8.1); "
                                                     "copy the newest from the agent. Only if the agent's store began anew: remove that file and start again",
                                                     generation, highest_, file_.string()));
    if (stored_ && generation == highest_) return done();
    const auto text = fmt::format("{}{}\n", kWord, generation);
    if (auto written = replace_private(file_, view_of(text)); !written)
        return std::move(written).error().in_context("the served generation cannot be kept; --state-file names a place that can be written");
    highest_ = generation;
    stored_ = true;
    return done();
}

std::filesystem::path served_file_of(const std::filesystem::path& snapshot) {
    auto out = snapshot;
    out += ".served";
    return out;
}

} // namespace mxseal::server
