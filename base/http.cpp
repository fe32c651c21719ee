#include "base/http.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

namespace mxseal {

namespace {

struct Block {
    std::array<std::uint8_t, 16> prefix;
    int bits;
};

// RFC 6890 and the IANA special-purpose address registries, as far as a packet could arrive somewhere.
constexpr std::array<Block, 11> kPrivateIpv4{{{{0}, 8},
                                              {{10}, 8},
                                              {{100, 64}, 10},
                                              {{127}, 8},
                                              {{169, 254}, 16},
                                              {{172, 16}, 12},
                                              {{192, 0, 0}, 24},
                                              {{192, 168}, 16},
                                              {{198, 18}, 15},
                                              {{224}, 4},
                                              {{240}, 4}}};
constexpr std::array<Block, 4> kPrivateIpv6{{{{0xfc}, 7}, {{0xfe, 0x80}, 10}, {{0xfe, 0xc0}, 10}, {{0xff}, 8}}};
// ::/96 (with ::1), ::ffff:0:0/96 and 64:ff9b::/96 carry an IPv4 address in their last four octets (RFC 4291, RFC 6052).
constexpr std::array<Block, 3> kIpv4Inside{{{{}, 96}, {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 96}, {{0, 0x64, 0xff, 0x9b}, 96}}};

bool is_in(std::span<const std::uint8_t> address, const Block& block) {
    for (int bit = 0; bit < block.bits; ++bit) {
        auto at = static_cast<std::size_t>(bit / 8);
        int mask = 0x80 >> (bit % 8);
        if ((address[at] & mask) != (block.prefix[at] & mask)) return false;
    }
    return true;
}

template <std::size_t N>
bool is_in_any(std::span<const std::uint8_t> address, const std::array<Block, N>& blocks) {
    return std::any_of(blocks.begin(), blocks.end(), [&](const Block& block) { return is_in(address, block); });
}

} // namespace

const std::string* HttpResponse::header(std::string_view name) const {
    for (const auto& [field, value] : headers)
        if (field == name) return &value;
    return nullptr;
}

bool is_private_address(std::string_view address) {
    std::string text(address);
    std::array<std::uint8_t, 16> octets{};
    if (inet_pton(AF_INET, text.c_str(), octets.data()) == 1) return is_in_any(std::span(octets).first(4), kPrivateIpv4);
    if (inet_pton(AF_INET6, text.c_str(), octets.data()) != 1) return false;
    if (is_in_any(octets, kIpv4Inside)) return is_in_any(std::span(octets).last(4), kPrivateIpv4);
    return is_in_any(octets, kPrivateIpv6);
}

} // namespace mxseal
