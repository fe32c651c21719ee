#include "agent/domains/report_record.hpp"

#include "base/result.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace mxseal::agent {

namespace {

using rotation::mta_sts::RrsetAnswer;
using rotation::mta_sts::RrsetRound;
using rotation::mta_sts::Values;
using State = ReportRecordSeen::State;

constexpr std::string_view kBegin = "v=TLSRPTv1;";

// RFC 8460 section 3 (D-01): these three would end the URI. RFC 3986 section 2: the others are no characters of a URI.
bool is_to_encode(unsigned char octet) {
    return octet <= 0x20 || octet >= 0x7f || std::string_view(",!;\"<>\\^`{|}").find(static_cast<char>(octet)) != std::string_view::npos;
}

std::string encoded(std::string_view uri) {
    std::string out;
    for (const char letter : uri) {
        const auto octet = static_cast<unsigned char>(letter);
        if (is_to_encode(octet))
            out += fmt::format("%{:02X}", octet);
        else
            out += letter;
    }
    return out;
}

struct Ours {
    std::string_view now;
    const std::optional<std::string>& before;
    bool is(const std::string& value) const { return value == now || value == before; }
};

std::vector<std::string> report_records(const Values& values) {
    std::vector<std::string> found;
    std::copy_if(values.begin(), values.end(), std::back_inserter(found), is_report_record);
    return found;
}

ReportRecordSeen judge_answer(const RrsetAnswer& answer, const Ours& ours) {
    const auto who = fmt::format("{} ({})", answer.server, answer.address);
    if (!answer.answered) return {State::unknown, fmt::format("{}: {}", who, answer.detail)};
    const auto records = report_records(answer.values);
    if (records.size() > 1)
        return {State::several, fmt::format("{} has {} records that begin with {}, and senders ignore them all: remove all but one", who, records.size(), kBegin)};
    if (records.empty()) return {State::missing, fmt::format("{} has no record that begins with {}", who, kBegin)};
    if (!ours.is(records.front()))
        return {State::foreign, fmt::format("{} has '{}', which is not ours and stays: remove it, or set tls_rpt to it", who, escape_untrusted(records.front(), 200))};
    if (records.front() != ours.now) return {State::missing, fmt::format("{} has our former record", who)};
    return {State::in_place, {}};
}

// What must be known before a later one matters.
int rank(State state) {
    switch (state) {
    case State::in_place: return 0;
    case State::unknown: return 1;
    case State::missing: return 2;
    case State::foreign: return 3;
    case State::several: return 4;
    }
    return 1;
}

} // namespace

std::string report_record_of(const std::vector<std::string>& rua) {
    std::string record = fmt::format("{} rua=", kBegin);
    for (std::size_t i = 0; i < rua.size(); ++i) record += (i == 0 ? "" : ",") + encoded(rua[i]);
    return record;
}

bool is_report_record(std::string_view value) { return value.starts_with(kBegin); }

std::string_view to_string(State state) {
    switch (state) {
    case State::in_place: return "in_place";
    case State::foreign: return "foreign";
    case State::missing: return "missing";
    case State::several: return "several";
    case State::unknown: return "unknown";
    }
    return "unknown";
}

ReportRecordSeen judge_report_record(const RrsetRound& seen, std::string_view ours, const std::optional<std::string>& ours_before) {
    if (!seen.error.empty()) return {State::unknown, seen.error};
    if (seen.rrset.servers.empty()) return {State::unknown, "no name server was asked"};
    ReportRecordSeen worst{State::in_place, "every name server answers with our record"};
    for (const RrsetAnswer& answer : seen.rrset.servers)
        if (ReportRecordSeen judged = judge_answer(answer, {ours, ours_before}); rank(judged.state) > rank(worst.state)) worst = std::move(judged);
    return worst;
}

std::optional<Values> with_report_record(const Values& values, std::string_view ours, const std::optional<std::string>& ours_before) {
    Values out;
    for (const std::string& value : values) {
        if (!is_report_record(value))
            out.push_back(value);
        else if (!Ours{ours, ours_before}.is(value))
            return std::nullopt;
    }
    if (!ours.empty()) out.emplace_back(ours);
    std::sort(out.begin(), out.end());
    return out;
}

} // namespace mxseal::agent
