#include "rotation/mta_sts/record.hpp"

#include "base/bytes.hpp"

#include <algorithm>

#include <fmt/chrono.h>
#include <fmt/format.h>

namespace mxseal::rotation::mta_sts {

namespace {

constexpr std::string_view kBegin = "v=STSv1;";
constexpr std::size_t kIdMost = 32;

bool is_id(std::string_view text) {
    return !text.empty() && text.size() <= kIdMost &&
           std::all_of(text.begin(), text.end(), [](char letter) { return (letter >= '0' && letter <= '9') || (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z'); });
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

} // namespace

std::string record_of(std::string_view id) { return fmt::format("{} id={};", kBegin, id); }

bool is_sts(std::string_view record) { return record.starts_with(kBegin); }

std::optional<std::string> id_of(std::string_view record) {
    if (!is_sts(record)) return std::nullopt;
    record.remove_prefix(kBegin.size());
    while (!record.empty()) {
        const auto end = std::min(record.find(';'), record.size());
        const std::string_view field = trimmed(record.substr(0, end));
        record.remove_prefix(std::min(end + 1, record.size()));
        // Of a repeated field the first one counts (RFC 8461 section 3.1).
        if (field.starts_with("id=")) return is_id(field.substr(3)) ? std::optional<std::string>(field.substr(3)) : std::nullopt;
    }
    return std::nullopt;
}

std::size_t sts_records(const Values& values) {
    return static_cast<std::size_t>(std::count_if(values.begin(), values.end(), [](const std::string& value) { return is_sts(value); }));
}

Values with_record(const Values& values, const std::string& record) {
    Values out;
    for (const std::string& value : values)
        if (!is_sts(value)) out.push_back(value);
    if (!record.empty()) out.push_back(record);
    std::sort(out.begin(), out.end());
    return out;
}

const Values* txt_base(const RrsetLedger& txt, bool managed) {
    if (managed) return txt.primary ? &*txt.primary : nullptr;
    if (txt.complete) return &txt.complete->values;
    for (const RrsetServer& server : txt.servers)
        if (server.values) return &*server.values;
    return nullptr;
}

void remember_ids(std::vector<std::string>& ids, const RrsetObservation& seen) {
    const auto remember = [&](const Values& values) {
        for (const std::string& value : values)
            if (auto id = id_of(value); id && std::find(ids.begin(), ids.end(), *id) == ids.end()) ids.push_back(*id);
    };
    for (const RrsetAnswer& answer : seen.servers) remember(answer.values);
    if (seen.primary) remember(*seen.primary);
}

std::string new_id(Instant now, std::string_view body, const std::vector<std::string>& used) {
    const std::string digest = to_hex(sha256(view_of(body))).substr(0, 8);
    for (auto second = std::chrono::floor<std::chrono::seconds>(now);; second += std::chrono::seconds(1)) {
        const auto id = fmt::format("{:%Y%m%d%H%M%S}{}", second, digest);
        if (std::find(used.begin(), used.end(), id) == used.end()) return id;
    }
}

} // namespace mxseal::rotation::mta_sts
