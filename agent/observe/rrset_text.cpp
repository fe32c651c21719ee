#include "agent/observe/rrset_text.hpp"

#include "base/dns/rdata.hpp"
#include "base/dns/txt.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace mxseal::agent {
namespace {

using rotation::mta_sts::Values;

constexpr std::size_t kTextOctetsMax = 65279; // RDLENGTH has 16 bits (RFC 1035 section 3.2.1), and each 255 octets take one more

Error unsupported(dns::Type type) { return Error(ErrorCode::unsupported, fmt::format("values of type {} have no text form here; TXT and MX do", dns::to_string(type))); }

Error no_value(dns::Type type, std::string_view text, std::string_view why) {
    return Error(ErrorCode::invalid, fmt::format("'{}' is no {} value: {}", escape_untrusted(text, 80), dns::to_string(type), why));
}

// RFC 1035 section 5.1: \DDD is the octet with that decimal number.
std::string escaped(std::string_view octets) {
    std::string text;
    for (const char octet : octets) {
        const auto number = static_cast<unsigned char>(octet);
        if (octet == '\\')
            text += "\\\\";
        else if (number >= 0x20 && number <= 0x7e)
            text += octet;
        else
            text += fmt::format("\\{:03}", number);
    }
    return text;
}

// The octet that an escape stands for; `rest` begins behind the backslash and loses what was read.
std::optional<char> unescaped_one(std::string_view& rest) {
    const auto is_digit = [](char letter) { return letter >= '0' && letter <= '9'; };
    if (rest.empty()) return std::nullopt;
    if (!is_digit(rest[0])) {
        const char octet = rest[0];
        rest.remove_prefix(1);
        return octet;
    }
    if (rest.size() < 3 || !is_digit(rest[1]) || !is_digit(rest[2])) return std::nullopt;
    const int number = (rest[0] - '0') * 100 + (rest[1] - '0') * 10 + (rest[2] - '0');
    rest.remove_prefix(3);
    return number <= 255 ? std::optional(static_cast<char>(number)) : std::nullopt;
}

Result<Bytes> txt_of(std::string_view text) {
    std::string octets;
    for (std::string_view rest = text; !rest.empty();) {
        const char letter = rest[0];
        rest.remove_prefix(1);
        const std::optional<char> octet = letter == '\\' ? unescaped_one(rest) : letter;
        if (!octet) return no_value(dns::Type::txt, text, "after a backslash stand three digits up to 255, or the character itself");
        octets += *octet;
    }
    if (octets.size() > kTextOctetsMax) return no_value(dns::Type::txt, text, fmt::format("it has {} octets, and a record holds {}", octets.size(), kTextOctetsMax));
    return dns::txt_rdata(octets);
}

Result<Bytes> mx_of(std::string_view text) {
    std::uint16_t preference = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), preference);
    if (problem != std::errc() || end == text.data() + text.size() || *end != ' ') return no_value(dns::Type::mx, text, "write a preference, a space and a host");
    auto host = dns::Name::parse(text.substr(static_cast<std::size_t>(end - text.data()) + 1));
    if (!host) return no_value(dns::Type::mx, text, host.error().message());
    return dns::mx_rdata(preference, *host);
}

Result<std::string> mx_text(ByteView rdata) {
    const dns::Record record{dns::Name(), dns::Type::mx, Ttl(0), Bytes(rdata.begin(), rdata.end())};
    const auto preference = dns::preference_of(record);
    const auto host = dns::target_of(record);
    if (preference && host) return fmt::format("{} {}", *preference, host->text());
    return Error(ErrorCode::protocol, "an MX record that is malformed, or whose host has characters that no host name has");
}

} // namespace

Result<std::string> value_text(dns::Type type, ByteView rdata) {
    if (type == dns::Type::mx) return mx_text(rdata);
    if (type != dns::Type::txt) return unsupported(type);
    auto text = dns::txt_text(rdata);
    return text ? Result<std::string>(escaped(*text)) : std::move(text);
}

Result<Bytes> value_rdata(dns::Type type, std::string_view text) {
    if (type == dns::Type::mx) return mx_of(text);
    if (type == dns::Type::txt) return txt_of(text);
    return unsupported(type);
}

Result<Values> values_text(dns::Type type, const std::vector<Bytes>& rdata) {
    Values texts;
    for (const Bytes& value : rdata) {
        auto text = value_text(type, value);
        if (!text) return std::move(text).error();
        texts.push_back(std::move(*text));
    }
    std::sort(texts.begin(), texts.end());
    texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
    return texts;
}

Result<std::vector<Bytes>> values_rdata(dns::Type type, const Values& texts) {
    std::vector<Bytes> rdata;
    for (const std::string& text : texts) {
        auto value = value_rdata(type, text);
        if (!value) return std::move(value).error();
        rdata.push_back(std::move(*value));
    }
    return rdata;
}

} // namespace mxseal::agent
