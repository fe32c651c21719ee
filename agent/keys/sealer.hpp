// Sealer: AES-256-GCM under a key that is not in the store (G-01, G-02): its own file, 0600, or a systemd credential.
#pragma once

#include "base/result.hpp"
#include "base/secret.hpp"

#include <filesystem>
#include <string_view>

namespace mxseal::agent {

class Sealer {
public:
    // Reads 32 octets as 64 hexadecimal digits from `file`; `invalid` when it is readable by others or malformed.
    static Result<Sealer> load(const std::filesystem::path& file);
    // As load(); a missing file is made with a new key, 0600, fsynced, before anything is sealed under it.
    static Result<Sealer> load_or_create(const std::filesystem::path& file);

    // nonce (12, random) | ciphertext | tag (16). `context` is authenticated, not stored: it binds the text to its place.
    Bytes seal(ByteView plain, std::string_view context) const;
    Result<Secret> open(ByteView sealed, std::string_view context) const; // `invalid`: another key, place or content

private:
    explicit Sealer(Secret key) : key_(std::move(key)) {}
    Secret key_;
};

} // namespace mxseal::agent
