#include "base/dns/txt.hpp"

#include <fmt/format.h>

namespace mxseal::dns {

Bytes txt_rdata(std::string_view text) {
    constexpr std::size_t kStringOctetsMax = 255; // RFC 1035 section 3.3: one octet of length
    Bytes rdata;
    do {
        auto part = text.substr(0, kStringOctetsMax);
        rdata.push_back(static_cast<std::uint8_t>(part.size()));
        rdata.insert(rdata.end(), part.begin(), part.end());
        text.remove_prefix(part.size());
    } while (!text.empty());
    return rdata;
}

Result<std::vector<std::string>> txt_strings(ByteView rdata) {
    std::vector<std::string> strings;
    while (!rdata.empty()) {
        std::size_t size = rdata[0];
        if (size + 1 > rdata.size())
            return Error(ErrorCode::protocol, fmt::format("a TXT string of {} octets in {} octets of rdata", size, rdata.size() - 1));
        strings.push_back(to_text(rdata.subspan(1, size)));
        rdata = rdata.subspan(size + 1);
    }
    // RFC 1035 section 3.3.14: one or more strings.
    if (strings.empty()) return Error(ErrorCode::protocol, "a TXT record without a string");
    return strings;
}

Result<std::string> txt_text(ByteView rdata) {
    auto strings = txt_strings(rdata);
    if (!strings.ok()) return std::move(strings).error();
    std::string text;
    for (const std::string& string : *strings) text += string;
    return text;
}

} // namespace mxseal::dns
