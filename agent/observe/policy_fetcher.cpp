#include "agent/observe/policy_fetcher.hpp"

#include "agent/observe/bounded_parallel.hpp"

#include <fmt/format.h>

#include <charconv>

namespace mxseal::agent {

namespace {

constexpr std::size_t kBodyMax = 64 * 1024; // RFC 8461 section 3.3 (C-14)
constexpr std::size_t kAddressesMax = 16;   // our choice: more than any endpoint of one name needs

Error stopped(const std::string& address, std::string_view why) { return Error(ErrorCode::protocol, fmt::format("{} {}", address, why), Retry::transient()); }

// RFC 8461 section 3.2 (C-21): text/plain, whatever parameters follow.
bool is_plain_text(const std::string* type) { return type != nullptr && (*type == "text/plain" || type->starts_with("text/plain;") || type->starts_with("text/plain ")); }

// `MTA-STS-Generation: 7` of mta-sts-server. A web server in front of it, or another one, says nothing or what it likes.
std::optional<std::uint64_t> generation_of(const std::string* field) {
    if (field == nullptr) return std::nullopt;
    std::uint64_t generation = 0;
    const auto [end, problem] = std::from_chars(field->data(), field->data() + field->size(), generation);
    const bool whole = problem == std::errc() && end == field->data() + field->size();
    return whole ? std::optional(generation) : std::nullopt;
}

} // namespace

Result<FetchedPolicy> fetch_policy(HttpTransport& transport, const dns::Name& domain, const std::string& address, const PolicyFetchOptions& options) {
    HttpRequest request;
    request.url = fmt::format("https://mta-sts.{}/.well-known/mta-sts.txt", domain.text());
    request.timeout = options.timeout;
    request.body_limit = kBodyMax;
    request.public_only = !options.allow_private;
    request.trusted_pem = options.trusted_pem;
    request.connect_to = address;
    auto response = transport.send(request);
    if (!response.ok()) return std::move(response).error().in_context("fetching from " + address);
    // RFC 8461 section 3.3 (C-20): 200 alone, and redirects are not followed.
    if (response->status != 200) return stopped(address, fmt::format("answers with status {}, and senders take 200 alone", response->status));
    if (!is_plain_text(response->header("content-type"))) return stopped(address, "answers with another Content-Type than text/plain");
    return FetchedPolicy{std::move(response->body), generation_of(response->header("mta-sts-generation"))};
}

Result<std::vector<std::string>> endpoint_addresses(Observer& observer, const dns::Name& domain) {
    const auto host = domain.prefixed("mta-sts");
    if (!host) return host.error();
    auto addresses = observer.addresses(*host);
    if (!addresses) return std::move(addresses).error();
    if (addresses->empty()) return Error(ErrorCode::not_found, fmt::format("{} has no address; make it a CNAME of this endpoint", host->text()), Retry::transient());
    if (addresses->size() > kAddressesMax)
        return Error(ErrorCode::protocol, fmt::format("{} has {} addresses, more than {}", host->text(), addresses->size(), kAddressesMax), Retry::transient());
    return addresses;
}

rotation::mta_sts::FetchRound fetch_round(HttpTransport& transport, Observer& observer, const Clock& clock, const dns::Name& domain, const PolicyFetchOptions& options) {
    rotation::mta_sts::FetchRound out;
    out.started = clock.wall();
    const auto addresses = endpoint_addresses(observer, domain);
    if (!addresses) out.error = addresses.error().to_string();
    out.nowhere = !addresses && addresses.error().code() == ErrorCode::not_found;
    if (addresses) out.fetches.resize(addresses->size());
    for_each_bounded(out.fetches.size(), kAddressesMax, [&](std::size_t i) {
        rotation::mta_sts::PolicyFetch& fetch = out.fetches[i];
        fetch.address = (*addresses)[i];
        auto got = fetch_policy(transport, domain, fetch.address, options);
        if (!got) {
            fetch.detail = got.error().to_string();
            return;
        }
        fetch.body = std::move(got->body);
        fetch.generation = got->generation;
    });
    out.finished = clock.wall();
    return out;
}

} // namespace mxseal::agent
