#include "base/json.hpp"

#include "base/json_writer.hpp"

#include <cmath>
#include <sstream>

#include <cpprest/json.h>
#include <fmt/format.h>

namespace mxseal {

namespace {

const Json kNull;
const Json::Array kNoItems;
const Json::Object kNoMembers;

Json convert(const web::json::value& value) {
    switch (value.type()) {
    case web::json::value::Null: return Json();
    case web::json::value::Boolean: return Json(value.as_bool());
    case web::json::value::Number:
        if (value.as_number().is_int64()) return Json(value.as_number().to_int64());
        return Json(value.as_double());
    case web::json::value::String: return Json(value.as_string());
    case web::json::value::Array: {
        Json::Array items;
        for (const auto& item : value.as_array()) items.push_back(convert(item));
        return Json(std::move(items));
    }
    case web::json::value::Object: {
        Json::Object members;
        for (const auto& [name, member] : value.as_object()) members.emplace_back(name, convert(member));
        return Json(std::move(members));
    }
    }
    return Json();
}

} // namespace

std::optional<bool> Json::as_bool() const {
    const bool* value = std::get_if<bool>(&value_);
    return value == nullptr ? std::nullopt : std::optional(*value);
}

std::optional<std::int64_t> Json::as_integer() const {
    if (const auto* value = std::get_if<std::int64_t>(&value_)) return *value;
    return std::nullopt;
}

std::optional<std::string> Json::as_string() const {
    const std::string* value = std::get_if<std::string>(&value_);
    return value == nullptr ? std::nullopt : std::optional(*value);
}

const Json::Array& Json::items() const {
    const Array* value = std::get_if<Array>(&value_);
    return value == nullptr ? kNoItems : *value;
}

const Json::Object& Json::members() const {
    const Object* value = std::get_if<Object>(&value_);
    return value == nullptr ? kNoMembers : *value;
}

const Json& Json::operator[](std::string_view name) const {
    for (const Member& member : members())
        if (member.first == name) return member.second;
    return kNull;
}

Json& Json::set(std::string name, Json value) {
    if (is_null()) value_ = Object{};
    Object& object = std::get<Object>(value_);
    for (Member& member : object)
        if (member.first == name) {
            member.second = std::move(value);
            return *this;
        }
    object.emplace_back(std::move(name), std::move(value));
    return *this;
}

Json& Json::push(Json value) {
    if (is_null()) value_ = Array{};
    std::get<Array>(value_).push_back(std::move(value));
    return *this;
}

void Json::write(std::string& out, int indent, int level) const {
    auto line = [&](int depth) {
        if (indent > 0) out += "\n" + std::string(static_cast<std::size_t>(indent * depth), ' ');
    };
    if (is_null())
        out += "null";
    else if (const bool* flag = std::get_if<bool>(&value_))
        out += *flag ? "true" : "false";
    else if (const auto* integer = std::get_if<std::int64_t>(&value_))
        out += std::to_string(*integer);
    else if (const double* number = std::get_if<double>(&value_))
        out += std::isfinite(*number) ? fmt::format("{}", *number) : "null";
    else if (const auto* text = std::get_if<std::string>(&value_))
        append_json_string(out, *text);
    else if (is_array()) {
        out += '[';
        for (std::size_t i = 0; i < items().size(); ++i) {
            if (i > 0) out += indent > 0 ? "," : ", ";
            line(level + 1);
            items()[i].write(out, indent, level + 1);
        }
        if (!items().empty()) line(level);
        out += ']';
    } else {
        out += '{';
        for (std::size_t i = 0; i < members().size(); ++i) {
            if (i > 0) out += indent > 0 ? "," : ", ";
            line(level + 1);
            append_json_string(out, members()[i].first);
            out += ": ";
            members()[i].second.write(out, indent, level + 1);
        }
        if (!members().empty()) line(level);
        out += '}';
    }
}

std::string Json::dump() const {
    std::string out;
    write(out, 0, 0);
    return out;
}

std::string Json::dump_indented() const {
    std::string out;
    write(out, 2, 0);
    return out + "\n";
}

Result<Json> Json::parse(std::string_view text) {
    // A setting of the whole library: without it cpprestsdk sorts the members.
    static const bool ordered = (web::json::keep_object_element_order(true), true);
    try {
        static_cast<void>(ordered);
        std::istringstream in{std::string(text)};
        return convert(web::json::value::parse(in));
    } catch (const std::exception& failure) {
        return Error(ErrorCode::invalid, fmt::format("not JSON: {}", escape_untrusted(failure.what(), 120)));
    }
}

} // namespace mxseal
