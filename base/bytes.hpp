// Octet strings and their text encodings.
#pragma once

#include "base/result.hpp"

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mxseal {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;

std::string to_hex(ByteView bytes);             // lower case, no separators
void append_hex(std::string& out, ByteView bytes);
Result<Bytes> from_hex(std::string_view text);  // either case; an odd length or another character is `invalid`
std::string to_base64url(ByteView bytes);       // RFC 4648 section 5, without padding
Result<Bytes> from_base64url(std::string_view text);
Result<Bytes> from_base64(std::string_view text); // RFC 4648 section 4; white space is skipped

ByteView view_of(std::string_view text); // the octets of a text, not copied
std::string to_text(ByteView bytes);

// SHA-2 over `bytes` (FIPS 180-4).
std::array<std::uint8_t, 32> sha256(ByteView bytes);
std::array<std::uint8_t, 64> sha512(ByteView bytes);

} // namespace mxseal
