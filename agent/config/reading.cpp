#include "agent/config/reading.hpp"

#include <algorithm>
#include <array>
#include <numeric>
#include <set>

#include <fmt/format.h>

namespace mxseal::agent::config {

namespace {

// Levenshtein's distance; keys are short.
std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            std::size_t above = row[j];
            row[j] = std::min({row[j - 1] + 1, above + 1, diagonal + (a[i - 1] == b[j - 1] ? 0u : 1u)});
            diagonal = above;
        }
    }
    return row[b.size()];
}

std::string nearest(std::string_view key, const std::vector<std::string_view>& known) {
    if (key.size() > 40 || known.empty()) return {};
    auto best = std::min_element(known.begin(), known.end(), [&](auto a, auto b) { return distance(key, a) < distance(key, b); });
    return distance(key, *best) <= std::max<std::size_t>(2, best->size() / 3) ? std::string(*best) : std::string();
}

// Keys under which somebody would write a secret into the file.
bool names_secret(std::string_view key) {
    constexpr std::array<std::string_view, 8> kSecrets{"secret", "token", "password", "key", "api_key", "api_token", "tsig_secret", "private_key"};
    return std::find(kSecrets.begin(), kSecrets.end(), key) != kSecrets.end();
}

std::string joined(const std::vector<std::string_view>& words) {
    std::string out;
    for (auto word : words) out += (out.empty() ? "" : ", ") + std::string(word);
    return out;
}

std::string below(const std::string& path, std::string_view key) { return path.empty() ? std::string(key) : fmt::format("{}.{}", path, key); }

void complain_about_key(Reading& reading, const std::string& path, const YamlNode::Entry& entry, const std::vector<std::string_view>& known) {
    std::string where = below(path, escape_untrusted(entry.key, 60));
    // The value of such a key is never printed.
    if (names_secret(entry.key)) {
        bool has_file = std::find(known.begin(), known.end(), "secret_file") != known.end();
        reading.mistake_at(entry.line, fmt::format("{} would hold a secret, and secrets are never values here; allowed: {}", where,
                                                   has_file ? "secret_file with the path of a file of mode 0600" : joined(known)));
        return;
    }
    if (entry.key == "<<") {
        reading.mistake_at(entry.line, fmt::format("{} is YAML's merge key, which is not read; allowed: each key written out, or an alias as a whole value", where));
        return;
    }
    auto suggestion = nearest(entry.key, known);
    reading.mistake_at(entry.line, fmt::format("{} is not a known key{}; allowed: {}", where,
                                               suggestion.empty() ? "" : fmt::format(" (did you mean {}?)", suggestion), joined(known)));
}

bool is_repeated(Reading& reading, const std::string& path, const YamlNode::Entry& entry, std::map<std::string, int>& seen) {
    auto [first, is_new] = seen.emplace(entry.key, entry.line);
    if (is_new) return false;
    reading.mistake_at(entry.line, fmt::format("{} stands here a second time, first in line {}; allowed: once", below(path, escape_untrusted(entry.key, 60)), first->second));
    return true;
}

} // namespace

std::string Value::shown() const {
    if (is_nothing()) return "";
    if (is_list()) return "a list";
    if (is_map()) return "a map";
    return fmt::format("'{}'", escape_untrusted(node->text, 80));
}

std::string Reading::line_prefix(int line) const { return fmt::format("{}:{}: ", config.file.string(), line); }

void Reading::mistake(const Value& value, std::string_view why, std::string_view allowed) {
    std::string shown = value.shown();
    mistake_at(value.line, fmt::format("{}{}{} {}; allowed: {}", value.path, shown.empty() ? "" : " ", shown, why, allowed));
}

void Reading::mistake_at(int line, std::string_view text) { mistakes_.emplace_back(line, line_prefix(line) + std::string(text)); }

void Reading::warn(int line, std::string_view text) { warnings_.emplace_back(line, line_prefix(line) + std::string(text)); }

void Reading::check_later(MachineCheck::Kind kind, const Value& value, std::string text) {
    checks.push_back({kind, value.path, std::move(text), value.line});
}

std::filesystem::path Reading::resolved(const std::string& path) const {
    std::filesystem::path given(path);
    if (given.is_absolute()) return given.lexically_normal();
    return (std::filesystem::absolute(config.file).parent_path() / given).lexically_normal();
}

std::vector<std::string> Reading::in_order(std::vector<std::pair<int, std::string>> lines, std::string_view what) const {
    std::stable_sort(lines.begin(), lines.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    std::vector<std::string> out;
    for (auto& line : lines) {
        if (out.size() == kLinesMax) {
            out.push_back(fmt::format("{}: {} more {} are not shown", config.file.string(), lines.size() - kLinesMax, what));
            break;
        }
        out.push_back(std::move(line.second));
    }
    return out;
}

MapReader::MapReader(Reading& reading, const Value& value, std::initializer_list<std::string_view> known) : reading_(reading), value_(value) {
    std::vector<std::string_view> keys(known);
    if (value.is_nothing()) return;
    if (!value.is_map()) {
        reading.mistake(value, "is not a map", "the keys " + joined(keys));
        value_.node = nullptr;
        return;
    }
    std::map<std::string, int> seen;
    for (const auto& entry : value.node->entries) {
        if (is_repeated(reading, value.path, entry, seen)) continue;
        if (std::find(keys.begin(), keys.end(), entry.key) == keys.end()) complain_about_key(reading, value.path, entry, keys);
    }
}

Value MapReader::operator[](std::string_view key) const {
    Value found{nullptr, below(value_.path, key), value_.line};
    if (value_.node == nullptr) return found;
    for (const auto& entry : value_.node->entries) {
        if (entry.key != key) continue;
        found.node = entry.value.get();
        found.line = found.is_scalar() ? entry.value->line : entry.line;
        return found;
    }
    return found;
}

Value MapReader::required(std::string_view key, std::string_view hint) const {
    Value found = (*this)[key];
    if (found.node == nullptr) reading_.mistake_at(value_.line, fmt::format("{} is missing; allowed: {}", found.path, hint));
    return found;
}

std::vector<std::pair<std::string, Value>> entries_of(Reading& reading, const Value& value, std::string_view what) {
    std::vector<std::pair<std::string, Value>> entries;
    if (value.is_nothing()) return entries;
    if (!value.is_map()) {
        reading.mistake(value, "is not a map", what);
        return entries;
    }
    std::map<std::string, int> seen;
    for (const auto& entry : value.node->entries)
        if (!is_repeated(reading, value.path, entry, seen))
            entries.push_back({entry.key, {entry.value.get(), below(value.path, escape_untrusted(entry.key, 260)), entry.line}});
    return entries;
}

std::vector<Value> items_of(Reading& reading, const Value& value, ListForm form, std::string_view allowed) {
    std::vector<Value> items;
    if (value.node == nullptr) return items;
    if (value.is_scalar() && form == ListForm::one_or_list) {
        items.push_back(value);
        return items;
    }
    if (!value.is_list()) {
        reading.mistake(value, "is not a list", allowed);
        return items;
    }
    if (value.node->items.empty()) reading.mistake_at(value.line, fmt::format("{} is an empty list; allowed: {}", value.path, allowed));
    for (const auto& item : value.node->items) items.push_back({item.get(), fmt::format("{}[{}]", value.path, items.size()), item->line});
    return items;
}

} // namespace mxseal::agent::config
