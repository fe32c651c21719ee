// Json: a JSON value (RFC 8259). Parsing is cpprestsdk's, behind json.cpp; objects keep the order of insertion, so that
// what people read comes out as it was written.
#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace mxseal {

class Json {
public:
    using Array = std::vector<Json>;
    using Member = std::pair<std::string, Json>;
    using Object = std::vector<Member>;

    Json() : value_(nullptr) {}
    Json(std::nullptr_t) : value_(nullptr) {}
    Json(bool value) : value_(value) {}
    template <class T>
        requires(std::is_integral_v<T> && !std::is_same_v<T, bool>)
    Json(T value) : value_(static_cast<std::int64_t>(value)) {}
    Json(double value) : value_(value) {}
    Json(std::string value) : value_(std::move(value)) {}
    Json(std::string_view value) : value_(std::string(value)) {}
    Json(const char* value) : value_(std::string(value)) {}
    Json(Array value) : value_(std::move(value)) {}
    Json(Object value) : value_(std::move(value)) {}
    template <class T>
    Json(const std::optional<T>& value) : Json(value ? Json(*value) : Json()) {}

    static Json object(std::initializer_list<Member> members = {}) { return Json(Object(members)); }
    static Json array() { return Json(Array{}); }

    bool is_null() const { return std::holds_alternative<std::nullptr_t>(value_); }
    bool is_object() const { return std::holds_alternative<Object>(value_); }
    bool is_array() const { return std::holds_alternative<Array>(value_); }

    // The value as the type asked for, or nothing when it is of another type.
    std::optional<bool> as_bool() const;
    std::optional<std::int64_t> as_integer() const; // a number without a fraction that fits
    std::optional<std::string> as_string() const;
    const Array& items() const;    // empty unless an array
    const Object& members() const; // empty unless an object

    // Member `name` of an object; null when absent or when this is no object.
    const Json& operator[](std::string_view name) const;
    // Sets member `name`; this becomes an object if it was null.
    Json& set(std::string name, Json value);
    // Appends; this becomes an array if it was null.
    Json& push(Json value);

    std::string dump() const;              // one line
    std::string dump_indented() const;     // for people: two spaces a level, a final newline
    static Result<Json> parse(std::string_view text); // nesting up to 100

private:
    void write(std::string& out, int indent, int level) const;
    std::variant<std::nullptr_t, bool, std::int64_t, double, std::string, Array, Object> value_;
};

} // namespace mxseal
