#include "agent/domains/asked_records.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace mxseal::agent {

namespace {

using rotation::mta_sts::Values;

constexpr std::size_t kStringMost = 255; // RFC 1035 section 3.3

// RFC 1035 section 5.1: what would end the string, and what is no printable character, is escaped.
std::string quoted(std::string_view text) {
    std::string out = "\"";
    for (const char letter : text) {
        const auto octet = static_cast<unsigned char>(letter);
        if (octet < 0x20 || octet > 0x7e)
            out += fmt::format("\\{:03}", octet);
        else if (letter == '"' || letter == '\\')
            out += std::string("\\") + letter;
        else
            out += letter;
    }
    return out + "\"";
}

std::string data_of(dns::Type type, const std::string& value) {
    if (type != dns::Type::txt) return value.ends_with('.') ? value : value + ".";
    std::string out = quoted(std::string_view(value).substr(0, kStringMost));
    for (std::size_t at = kStringMost; at < value.size(); at += kStringMost) out += " " + quoted(std::string_view(value).substr(at, kStringMost));
    return out;
}

std::string line_of(const std::string& owner, dns::Type type, const std::string& value, Ttl ttl) {
    const std::string seconds = ttl > Ttl{0} ? fmt::format("{} ", ttl.count()) : "";
    return fmt::format("{}. {}IN {} {}", owner, seconds, dns::to_string(type), data_of(type, value));
}

Values without(const Values& all, const Values& these) {
    Values out;
    std::copy_if(all.begin(), all.end(), std::back_inserter(out), [&](const std::string& value) { return std::find(these.begin(), these.end(), value) == these.end(); });
    return out;
}

} // namespace

AskedRecords asked_records(const std::string& owner, dns::Type type, const Values& base, const Values& target, Ttl ttl) {
    AskedRecords asked;
    for (const std::string& value : without(target, base)) asked.add.push_back(line_of(owner, type, value, ttl));
    for (const std::string& value : without(base, target)) asked.remove.push_back(line_of(owner, type, value, Ttl{0}));
    return asked;
}

std::string txt_line(const std::string& owner, std::string_view text, Ttl ttl) { return line_of(owner, dns::Type::txt, std::string(text), ttl); }

} // namespace mxseal::agent
