// Reads typed values back from a JSON document that mxseal wrote: in<T>(json, "field"). A type of one's own gets a specialisation of In, in a .cpp file.
// The first field that does not fit is thrown as Misfit; the function that reads the document catches it and makes an Error of it, no other one does.
#pragma once

#include "base/json.hpp"
#include "base/time.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace mxseal::document {

struct Misfit {
    const char* field;
};

inline void require(bool fits, const char* field) {
    if (!fits) throw Misfit{field};
}

template <class T>
T given(std::optional<T> value, const char* field) {
    require(value.has_value(), field);
    return std::move(*value);
}

// static T read(const Json& json, const char* field): the value itself, which stands in `field`.
template <class T>
struct In;

template <class T>
T in(const Json& json, const char* field) {
    return In<T>::read(json[field], field);
}

template <>
struct In<std::string> {
    static std::string read(const Json& json, const char* field) { return given(json.as_string(), field); }
};
template <>
struct In<bool> {
    static bool read(const Json& json, const char* field) { return given(json.as_bool(), field); }
};
template <>
struct In<std::int64_t> {
    static std::int64_t read(const Json& json, const char* field) { return given(json.as_integer(), field); }
};
template <>
struct In<Instant> {
    static Instant read(const Json& json, const char* field) { return from_unix_ms(given(json.as_integer(), field)); }
};
template <>
struct In<std::chrono::seconds> {
    static std::chrono::seconds read(const Json& json, const char* field) { return std::chrono::seconds(given(json.as_integer(), field)); }
};
template <class T>
struct In<std::optional<T>> {
    static std::optional<T> read(const Json& json, const char* field) {
        if (json.is_null()) return std::nullopt;
        return In<T>::read(json, field);
    }
};
template <class T>
struct In<std::vector<T>> {
    static std::vector<T> read(const Json& json, const char* field) {
        require(json.is_array(), field);
        std::vector<T> values;
        for (const Json& item : json.items()) values.push_back(In<T>::read(item, field));
        return values;
    }
};

} // namespace mxseal::document
