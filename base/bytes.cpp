#include "base/bytes.hpp"

#include <openssl/sha.h>

#include <fmt/format.h>

namespace mxseal {

namespace {

constexpr std::string_view kHex = "0123456789abcdef";
constexpr std::string_view kBase64Url = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

int base64_value(char c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    if (c == '-' || c == '+') return 62;
    if (c == '_' || c == '/') return 63;
    return -1;
}

Error refuse(std::string_view text, const char* encoding) {
    return Error(ErrorCode::invalid, fmt::format("'{}' is not {}", escape_untrusted(text, 40), encoding));
}

Result<Bytes> decode_base64(std::string_view text, const char* encoding) {
    Bytes out;
    std::uint32_t bits = 0;
    int count = 0;
    std::size_t digits = 0;
    bool padding = false;
    for (char c : text) {
        if (c == '\n' || c == '\r' || c == ' ' || c == '\t') continue;
        if (c == '=') {
            padding = true;
            continue;
        }
        int value = base64_value(c);
        if (value < 0 || padding) return refuse(text, encoding);
        ++digits;
        bits = (bits << 6) | static_cast<std::uint32_t>(value);
        count += 6;
        if (count >= 8) {
            count -= 8;
            out.push_back(static_cast<std::uint8_t>(bits >> count));
        }
    }
    if (digits % 4 == 1) return refuse(text, encoding);
    return out;
}

} // namespace

void append_hex(std::string& out, ByteView bytes) {
    const std::size_t before = out.size();
    out.resize(before + bytes.size() * 2);
    char* at = out.data() + before;
    for (std::uint8_t byte : bytes) {
        *at++ = kHex[byte >> 4];
        *at++ = kHex[byte & 15];
    }
}

std::string to_hex(ByteView bytes) {
    std::string out;
    append_hex(out, bytes);
    return out;
}

Result<Bytes> from_hex(std::string_view text) {
    if (text.size() % 2 != 0) return refuse(text, "hexadecimal: its length is odd");
    Bytes out;
    out.reserve(text.size() / 2);
    for (std::size_t i = 0; i < text.size(); i += 2) {
        int high = hex_value(text[i]);
        int low = hex_value(text[i + 1]);
        if (high < 0 || low < 0) return refuse(text, "hexadecimal");
        out.push_back(static_cast<std::uint8_t>(high * 16 + low));
    }
    return out;
}

std::string to_base64url(ByteView bytes) {
    std::string out;
    std::uint32_t bits = 0;
    int count = 0;
    for (std::uint8_t byte : bytes) {
        bits = (bits << 8) | byte;
        count += 8;
        while (count >= 6) {
            count -= 6;
            out += kBase64Url[(bits >> count) & 63];
        }
    }
    if (count > 0) out += kBase64Url[(bits << (6 - count)) & 63];
    return out;
}

Result<Bytes> from_base64url(std::string_view text) {
    if (text.find_first_of("+/= \r\n\t") != std::string_view::npos) return refuse(text, "base64url without padding");
    return decode_base64(text, "base64url without padding");
}

Result<Bytes> from_base64(std::string_view text) {
    if (text.find_first_of("-_") != std::string_view::npos) return refuse(text, "base64");
    return decode_base64(text, "base64");
}

ByteView view_of(std::string_view text) { return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}; }
std::string to_text(ByteView bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

std::array<std::uint8_t, 32> sha256(ByteView bytes) {
    std::array<std::uint8_t, 32> digest{};
    SHA256(bytes.data(), bytes.size(), digest.data());
    return digest;
}

std::array<std::uint8_t, 64> sha512(ByteView bytes) {
    std::array<std::uint8_t, 64> digest{};
    SHA512(bytes.data(), bytes.size(), digest.data());
    return digest;
}

} // namespace mxseal
