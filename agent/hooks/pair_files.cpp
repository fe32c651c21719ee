#include "agent/hooks/pair_files.hpp"

#include "base/file_descriptor.hpp"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace mxseal::agent {

namespace {

// G-04: what is read as a chain, at most; a key takes less.
constexpr std::size_t kFileBytesMax = 256 * 1024;

Error trouble(const std::filesystem::path& file, const std::string& what) { return Error(ErrorCode::invalid, fmt::format("{}: {}", file.string(), what)); }

// O_NONBLOCK: a pipe in place of a file must not hold the client up.
Result<Secret> read_file(const std::filesystem::path& file) {
    FileDescriptor descriptor(::open(file.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    if (!descriptor) return trouble(file, fmt::format("{}; the hook has to run as a user who can read it", std::strerror(errno)));
    struct ::stat facts{};
    if (::fstat(descriptor.get(), &facts) != 0 || !S_ISREG(facts.st_mode)) return trouble(file, "is no regular file");
    if (static_cast<std::size_t>(facts.st_size) > kFileBytesMax) return trouble(file, fmt::format("has {} octets, more than {}", facts.st_size, kFileBytesMax));
    Bytes content(kFileBytesMax + 1);
    std::size_t size = 0;
    while (size < content.size()) {
        const auto got = ::read(descriptor.get(), content.data() + size, content.size() - size);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return trouble(file, std::strerror(errno));
        if (got == 0) break;
        size += static_cast<std::size_t>(got);
    }
    Secret whole(std::move(content)); // wiped with all that was read
    if (size > kFileBytesMax) return trouble(file, fmt::format("has more than {} octets", kFileBytesMax));
    return Secret(Bytes(whole.reveal().begin(), whole.reveal().begin() + static_cast<std::ptrdiff_t>(size)));
}

bool is_there(const std::filesystem::path& file) { return !file.empty() && ::access(file.c_str(), F_OK) == 0; }

std::string text_of(const Secret& content) { return {reinterpret_cast<const char*>(content.reveal().data()), content.reveal().size()}; }

bool holds_leaf_alone(const std::string& pem) {
    constexpr std::string_view kBegin = "-----BEGIN CERTIFICATE-----";
    const auto first = pem.find(kBegin);
    return first != std::string::npos && pem.find(kBegin, first + kBegin.size()) == std::string::npos;
}

} // namespace

Result<ClientPair> read_chain_of(const PairFiles& files, Instant now) {
    auto chain = read_file(files.chain);
    if (!chain) return std::move(chain).error();
    std::string pem = text_of(*chain);
    if (files.issuers && is_there(*files.issuers) && holds_leaf_alone(pem)) {
        auto issuers = read_file(*files.issuers);
        if (!issuers) return std::move(issuers).error();
        pem += (pem.ends_with('\n') ? "" : "\n") + text_of(*issuers);
    }
    auto checked = check_client_pair(std::nullopt, pem, now);
    if (!checked) return std::move(checked).error().in_context(files.chain.string());
    return checked;
}

Result<ClientPair> with_key(ClientPair chain, const PairFiles& files, KeyOrigin origin, Instant now) {
    const bool own = origin == KeyOrigin::mxseals;
    if (own && !is_there(files.key)) return chain;
    if (files.key.empty()) return Error(ErrorCode::invalid, "no key file was named, and the key is the client's; name it by --key");
    auto key = read_file(files.key);
    if (!key) return std::move(key).error();
    auto pair = check_client_pair(std::optional(std::move(*key)), chain.chain_pem, now);
    if (!pair && own) return chain;
    if (!pair) return std::move(pair).error().in_context(fmt::format("{} with {}", files.chain.string(), files.key.string()));
    return pair;
}

} // namespace mxseal::agent
