// Name: an absolute domain name in lower case, as A-labels (RFC 1035 section 2.3, RFC 5890 section 2.3.2.1).
#pragma once

#include "base/result.hpp"

#include <compare>
#include <string>
#include <string_view>

namespace mxseal::dns {

class Name {
public:
    Name() = default; // the root

    // Letters, digits, '-' and '_' in labels of 1..63 octets, 253 in all; a final dot is allowed, upper case is folded.
    // `invalid` names what is wrong and, for a U-label, asks for the A-label.
    static Result<Name> parse(std::string_view text);

    const std::string& text() const { return text_; }       // "mx1.example.org"; "." for the root
    std::string with_dot() const { return is_root() ? "." : text_ + "."; }
    bool is_root() const { return text_ == "."; }
    std::size_t label_count() const;                        // 0 for the root
    Name parent() const;                                    // the root's parent is the root
    bool is_within(const Name& zone) const;                 // equal to `zone` or below it
    Result<Name> prefixed(std::string_view labels) const;   // "_25._tcp" + this

    auto operator<=>(const Name&) const = default;

private:
    explicit Name(std::string text) : text_(std::move(text)) {}
    std::string text_ = ".";
};

} // namespace mxseal::dns
