#include "base/dns/query.hpp"

#include <array>
#include <charconv>
#include <utility>

#include <arpa/inet.h>

#include <fmt/format.h>

namespace mxseal::dns {

namespace {

// The text that inet_ntop gives, so that equal addresses have equal texts; nothing when it is no address.
std::optional<std::string> canonical_address(const std::string& text) {
    std::array<char, INET6_ADDRSTRLEN> out{};
    for (int family : {AF_INET, AF_INET6}) {
        std::array<std::uint8_t, 16> octets{};
        if (inet_pton(family, text.c_str(), octets.data()) != 1) continue;
        if (inet_ntop(family, octets.data(), out.data(), out.size()) == nullptr) return std::nullopt;
        return std::string(out.data());
    }
    return std::nullopt;
}

} // namespace

std::string to_string(Type type) {
    switch (type) {
    case Type::a: return "A";
    case Type::ns: return "NS";
    case Type::cname: return "CNAME";
    case Type::soa: return "SOA";
    case Type::mx: return "MX";
    case Type::txt: return "TXT";
    case Type::aaaa: return "AAAA";
    case Type::dname: return "DNAME";
    case Type::ds: return "DS";
    case Type::rrsig: return "RRSIG";
    case Type::nsec: return "NSEC";
    case Type::dnskey: return "DNSKEY";
    case Type::nsec3: return "NSEC3";
    case Type::tlsa: return "TLSA";
    case Type::cds: return "CDS";
    case Type::cdnskey: return "CDNSKEY";
    case Type::caa: return "CAA";
    }
    // RFC 3597 section 5: types without a name.
    return fmt::format("TYPE{}", static_cast<unsigned>(type));
}

std::string Endpoint::to_string(std::uint16_t standard) const {
    return port == standard ? address : fmt::format("{}@{}", address, port);
}

Result<Endpoint> Endpoint::parse(std::string_view text, std::uint16_t standard) {
    Endpoint endpoint{"", standard};
    auto at = text.find('@');
    auto address = canonical_address(std::string(text.substr(0, at)));
    if (!address || text.find('\0') != std::string_view::npos)
        return Error(ErrorCode::invalid, fmt::format("'{}' is not an IP address, or an address, '@' and a port", escape_untrusted(text, 80)));
    endpoint.address = std::move(*address);
    if (at == std::string_view::npos) return endpoint;
    auto port = text.substr(at + 1);
    auto [end, failure] = std::from_chars(port.data(), port.data() + port.size(), endpoint.port);
    if (failure != std::errc{} || end != port.data() + port.size() || endpoint.port == 0)
        return Error(ErrorCode::invalid, fmt::format("'{}': the port must be a number from 1 to 65535", escape_untrusted(text, 80)));
    return endpoint;
}

std::string rcode_text(int rcode) {
    static constexpr std::array<const char*, 11> kNames = {"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED",
                                                           "YXDOMAIN", "YXRRSET", "NXRRSET",  "NOTAUTH",  "NOTZONE"};
    if (rcode >= 0 && static_cast<std::size_t>(rcode) < kNames.size()) return kNames[static_cast<std::size_t>(rcode)];
    return rcode == 16 ? "BADVERS" : fmt::format("RCODE{}", rcode);
}

std::string Message::summary() const {
    return fmt::format("{}{}{}, {} {}", rcode_text(rcode), authoritative ? " aa" : "", truncated ? " tc" : "", answer.size(),
                       answer.size() == 1 ? "answer" : "answers");
}

} // namespace mxseal::dns
