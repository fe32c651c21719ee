#include "mta-sts-server/answers.hpp"

#include "mta-sts-server/served_name.hpp"

#include <array>

#include <fmt/format.h>

namespace mxseal::server {

namespace {

Answer refusal(int status) {
    Answer answer;
    answer.status = status;
    return answer;
}

// Of a reading that is no request; 0: it is one.
int status_of(HeadReading::Kind kind) {
    switch (kind) {
    case HeadReading::Kind::complete: return 0;
    case HeadReading::Kind::incomplete:
    case HeadReading::Kind::malformed: return 400;
    case HeadReading::Kind::line_too_long: return 414;
    case HeadReading::Kind::head_too_long: return 431;
    }
    return 400;
}

struct Asked {
    std::optional<std::string> name;
    std::string_view path;
};

// RFC 9112 section 3.2.2: an absolute target counts in place of the Host field.
Asked asked_of(const RequestHead& head, std::string_view scheme) {
    const std::string_view target = head.target;
    if (!target.starts_with(scheme)) return {head.host ? name_of_authority(*head.host) : std::nullopt, target};
    const auto rest = target.substr(scheme.size());
    const auto slash = std::min(rest.find('/'), rest.size());
    return {name_of_authority(rest.substr(0, slash)), rest.substr(slash)};
}

bool reads(const RequestHead& head) { return head.method == "GET" || head.method == "HEAD"; }

// What is there for reading: with the wrong method, or with a body (G-08), it is refused.
Answer readable(const RequestHead& head, Answer::Type type, std::string_view body) {
    if (!reads(head)) {
        auto answer = refusal(405);
        answer.allow_get = true;
        return answer;
    }
    if (head.has_body) return refusal(400);
    Answer answer;
    answer.status = 200;
    answer.body = body;
    answer.type = type;
    answer.head_only = head.method == "HEAD";
    return answer;
}

Answer not_found(const RequestHead& head) {
    auto answer = refusal(404);
    answer.head_only = head.method == "HEAD";
    return answer;
}

std::string_view reason_of(int status) {
    switch (status) {
    case 200: return "OK";
    case 400: return "Bad Request";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 414: return "URI Too Long";
    case 421: return "Misdirected Request";
    case 431: return "Request Header Fields Too Large";
    default: return "Error";
    }
}

} // namespace

Answer answer_tls(const HeadReading& reading, std::string_view name, std::string_view policy, std::uint64_t generation) {
    if (const int status = status_of(reading.kind); status != 0) return refusal(status);
    const auto asked = asked_of(reading.head, "https://");
    // C-24, RFC 9110 section 7.4: a request for another name than the handshake's is misdirected.
    if (asked.name != name) return refusal(421);
    // C-20: 200 to every GET, whatever Range or a condition asks for; a query makes it another resource.
    if (asked.path == kPolicyPath) {
        auto answer = readable(reading.head, Answer::Type::policy, policy);
        answer.generation = generation;
        return answer;
    }
    // C-24: everything else. That includes reports (D-10), which no path takes yet.
    return not_found(reading.head);
}

Answer answer_plain(const HeadReading& reading, const Challenges& challenges) {
    if (const int status = status_of(reading.kind); status != 0) return refusal(status);
    const auto asked = asked_of(reading.head, "http://");
    // C-26: no redirect, only http-01. E-18: the token's characters are looked at before it is looked up.
    if (!asked.name || !asked.path.starts_with(kChallengePath)) return not_found(reading.head);
    const auto token = asked.path.substr(kChallengePath.size());
    const auto host = challenges.http.find(*asked.name);
    if (host == challenges.http.end() || !is_acme_token(token)) return not_found(reading.head);
    const auto entry = host->second.find(token);
    if (entry == host->second.end()) return not_found(reading.head);
    return readable(reading.head, Answer::Type::plain, entry->second);
}

Answer answer_status(const HeadReading& reading, const std::string& report) {
    if (const int status = status_of(reading.kind); status != 0) return refusal(status);
    if (reading.head.target != "/status") return not_found(reading.head);
    return readable(reading.head, Answer::Type::json, report);
}

void write_answer(std::string& out, const Answer& answer, std::string_view date) {
    fmt::format_to(std::back_inserter(out), "HTTP/1.1 {} {}\r\nDate: {}\r\n", answer.status, reason_of(answer.status), date);
    switch (answer.type) {
    case Answer::Type::none: break;
    // C-21: never compressed. C-23: for reverse proxies of hosted domains; senders do not cache by HTTP.
    case Answer::Type::policy:
        fmt::format_to(std::back_inserter(out), "Content-Type: text/plain; charset=utf-8\r\nCache-Control: max-age=60\r\nMTA-STS-Generation: {}\r\n", answer.generation);
        break;
    // E-18: no HTML, whatever a key authorization looks like.
    case Answer::Type::plain: out += "Content-Type: application/octet-stream\r\nCache-Control: no-store\r\n"; break;
    case Answer::Type::json: out += "Content-Type: application/json\r\nCache-Control: no-store\r\n"; break;
    }
    if (answer.allow_get) out += "Allow: GET, HEAD\r\n";
    fmt::format_to(std::back_inserter(out), "Content-Length: {}\r\nConnection: close\r\n\r\n", answer.body.size());
    if (!answer.head_only) out += answer.body;
}

std::string http_date(Instant instant) {
    constexpr std::array<const char*, 7> kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    constexpr std::array<const char*, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const auto day = std::chrono::floor<std::chrono::days>(instant);
    const std::chrono::year_month_day date(day);
    const std::chrono::hh_mm_ss time(std::chrono::floor<std::chrono::seconds>(instant - day));
    return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT", kDays[std::chrono::weekday(day).c_encoding()], static_cast<unsigned>(date.day()),
                       kMonths[static_cast<unsigned>(date.month()) - 1], static_cast<int>(date.year()), time.hours().count(), time.minutes().count(), time.seconds().count());
}

} // namespace mxseal::server
