#include "base/json_writer.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>

namespace mxseal {

namespace {

bool is_plain(char c) { return static_cast<unsigned char>(c) >= 0x20 && c != '"' && c != '\\'; }

void append_escaped(std::string& out, char c) {
    switch (c) {
    case '"': out += "\\\""; return;
    case '\\': out += "\\\\"; return;
    case '\n': out += "\\n"; return;
    case '\r': out += "\\r"; return;
    case '\t': out += "\\t"; return;
    default: out += fmt::format("\\u{:04x}", static_cast<unsigned>(static_cast<unsigned char>(c)));
    }
}

} // namespace

void append_json_string(std::string& out, std::string_view text) {
    out += '"';
    for (std::size_t from = 0; from < text.size();) {
        std::size_t to = from;
        while (to < text.size() && is_plain(text[to])) ++to;
        out.append(text, from, to - from);
        if (to < text.size()) append_escaped(out, text[to++]);
        from = to;
    }
    out += '"';
}

void JsonWriter::separate() {
    if (!first_) out_ += ", ";
    first_ = false;
}

void JsonWriter::null() {
    separate();
    out_ += "null";
}

void JsonWriter::boolean(bool value) {
    separate();
    out_ += value ? "true" : "false";
}

void JsonWriter::integer(std::int64_t value) {
    separate();
    std::array<char, 20> text; // of the smallest number
    const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
    out_.append(text.data(), end);
}

void JsonWriter::string(std::string_view value) {
    separate();
    append_json_string(out_, value);
}

void JsonWriter::text(std::string_view json) {
    separate();
    out_ += json;
}

void JsonWriter::hex(ByteView value) {
    separate();
    out_ += '"';
    append_hex(out_, value);
    out_ += '"';
}

void JsonWriter::name(std::string_view name) {
    const std::string_view before = first_ ? "\"" : ", \"", after = "\": ";
    const std::size_t old = out_.size();
    out_.resize(old + before.size() + name.size() + after.size());
    char* to = std::copy(before.begin(), before.end(), out_.data() + old);
    to = std::copy(name.begin(), name.end(), to);
    std::copy(after.begin(), after.end(), to);
    first_ = true;
}

void JsonWriter::open(char bracket) {
    separate();
    out_ += bracket;
    first_ = true;
}

void JsonWriter::close(char bracket) {
    out_ += bracket;
    first_ = false;
}

} // namespace mxseal
