// JsonWriter: appends JSON text (RFC 8259) to a string, with no tree in between, for documents that are written at every step.
// Same spacing as Json::dump(). The caller opens and closes in order: nothing is checked.
#pragma once

#include "base/bytes.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace mxseal {

class JsonWriter {
public:
    explicit JsonWriter(std::string& out) : out_(out) {}

    void null();
    void boolean(bool value);
    void integer(std::int64_t value);
    void string(std::string_view value);
    void hex(ByteView value);              // as a string of lower-case hexadecimal digits
    void text(std::string_view json);      // a value that is JSON text already
    void begin_object() { open('{'); }
    void name(std::string_view name);      // of the value that follows; nothing in it needs escaping
    void end_object() { close('}'); }
    void begin_array() { open('['); }
    void end_array() { close(']'); }

private:
    void separate();
    void open(char bracket);
    void close(char bracket);
    std::string& out_;
    bool first_ = true;                    // nothing stands before the next value in its object or array
};

// `text` between quotes, escaped.
void append_json_string(std::string& out, std::string_view text);

} // namespace mxseal
