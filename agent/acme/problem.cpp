#include "agent/acme/problem.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

namespace mxseal::agent {

namespace {

constexpr std::string_view kNamespace = "urn:ietf:params:acme:error:";
// Our choice: a hundred names is what CAs put in one order.
constexpr std::size_t kSubproblemsMax = 100;
// E-07: rate limited without a Retry-After.
constexpr Duration kRateLimitedDelay = std::chrono::hours(1);

std::string text_of(const Json& value) { return value.as_string().value_or(""); }

std::string short_type(const Json& value) {
    std::string type = text_of(value);
    return type.starts_with(kNamespace) ? type.substr(kNamespace.size()) : std::string();
}

// What our side says about a type, and what the operator can do.
struct Meaning {
    std::string_view type;
    ErrorCode code;
    std::string_view words;
    bool transient;
};

// RFC 8555 section 6.7 (E-06).
constexpr Meaning kMeanings[] = {
    {"accountDoesNotExist", ErrorCode::not_found, "the CA does not know our account; it is registered anew at the next try", true},
    {"alreadyReplaced", ErrorCode::precondition, "the CA has replaced that certificate already", true},
    {"alreadyRevoked", ErrorCode::precondition, "the certificate is revoked already", false},
    {"badCSR", ErrorCode::refused, "the CA does not accept the signing request", false},
    {"badNonce", ErrorCode::busy, "the CA refused every nonce", true},
    {"badPublicKey", ErrorCode::refused, "the CA does not accept the key; make another one: mxseal roll", false},
    {"caa", ErrorCode::refused, "a CAA record forbids this CA; add its name to the CAA RRset, or choose another CA", true},
    {"connection", ErrorCode::transient, "the CA could not reach a server of ours", true},
    {"dns", ErrorCode::transient, "the CA could not resolve a name of ours; check the zone from outside", true},
    {"externalAccountRequired", ErrorCode::unsupported, "the CA wants an account that is bound to one of its own (EAB)", false},
    {"incorrectResponse", ErrorCode::refused, "the CA did not see the challenge; check that every name server shows it", true},
    {"invalidContact", ErrorCode::invalid, "the CA does not accept the contact address; change `contact` of this acme entry", false},
    {"malformed", ErrorCode::protocol, "the CA could not read our request", false},
    {"orderNotReady", ErrorCode::busy, "the order is not ready yet", true},
    {"rateLimited", ErrorCode::rate_limited, "the CA limits our rate", true},
    {"rejectedIdentifier", ErrorCode::refused, "the CA does not certify a name of the order", false},
    {"serverInternal", ErrorCode::transient, "the CA has an internal error", true},
    {"tls", ErrorCode::transient, "the CA could not make a TLS connection to us", true},
    {"unauthorized", ErrorCode::auth_failed, "the CA says that we may not", true},
    {"unsupportedContact", ErrorCode::invalid, "the CA supports only other contacts; change `contact` of this acme entry", false},
    {"unsupportedIdentifier", ErrorCode::unsupported, "the CA does not certify names of this kind", false},
    {"userActionRequired", ErrorCode::refused, "the CA wants a person to act, mostly to agree to new terms; read its words", false},
};

Meaning meaning_of(const Problem& problem) {
    // RFC 8555 section 6.6 (E-07): 429 and 503 limit the rate, whatever the type.
    if (problem.status == 429 || problem.status == 503) return {"", ErrorCode::rate_limited, "the CA asks us to come back later", true};
    for (const Meaning& meaning : kMeanings)
        if (meaning.type == problem.type) return meaning;
    if (problem.status >= 500) return {"", ErrorCode::transient, "the CA has an internal error", true};
    if (problem.status == 404) return {"", ErrorCode::not_found, "the CA does not know this object", true};
    return {"", ErrorCode::protocol, "the CA refused", true};
}

Retry retry_of(const Problem& problem, const Meaning& meaning) {
    if (!meaning.transient) return Retry::never();
    if (problem.retry_after) return Retry::after(*problem.retry_after);
    if (meaning.code == ErrorCode::rate_limited) return Retry::after(kRateLimitedDelay);
    return Retry::transient();
}

} // namespace

std::string Problem::words() const {
    if (subproblems.empty()) return detail;
    return fmt::format("{}{}{}", detail, detail.empty() ? "" : "; ", fmt::join(subproblems, "; "));
}

Problem problem_of(const Json& document) {
    Problem problem;
    problem.status = static_cast<int>(std::clamp<std::int64_t>(document["status"].as_integer().value_or(0), 0, 999));
    problem.type = short_type(document["type"]);
    problem.detail = text_of(document["detail"]);
    // RFC 8555 section 6.7.1 (E-04).
    for (const Json& sub : document["subproblems"].items()) {
        if (problem.subproblems.size() == kSubproblemsMax) break;
        problem.subproblems.push_back(fmt::format("{}: {}: {}", text_of(sub["identifier"]["value"]), short_type(sub["type"]), text_of(sub["detail"])));
    }
    return problem;
}

Problem parse_problem(int status, std::string_view body) {
    auto document = Json::parse(body);
    Problem problem = document ? problem_of(*document) : Problem();
    problem.status = status; // the answer's own, whatever its body claims
    return problem;
}

Error to_error(const Problem& problem, std::string_view doing) {
    Meaning meaning = meaning_of(problem);
    std::string kind = problem.type.empty() ? fmt::format("status {}", problem.status) : escape_untrusted(problem.type, 60);
    return Error(meaning.code, fmt::format("{}: {} ({})", doing, meaning.words, kind), retry_of(problem, meaning)).with_peer_text(problem.words());
}

std::optional<Duration> parse_retry_after(std::string_view text, Instant now) {
    std::int64_t seconds = 0;
    auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    bool whole = failure == std::errc{} && end == text.data() + text.size();
    // Ten years bound the arithmetic of instants, not the CA.
    if (whole && seconds >= 0) return std::chrono::seconds(std::min<std::int64_t>(seconds, 315'360'000));
    if (whole) return std::nullopt;
    auto date = parse_http_date(text);
    if (!date) return std::nullopt;
    return std::max(Duration{0}, *date - now);
}

} // namespace mxseal::agent
