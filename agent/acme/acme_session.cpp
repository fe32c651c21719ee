#include "agent/acme/acme_session.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace mxseal::agent {

namespace {

constexpr int kNonceTries = 5;               // E-01
constexpr std::size_t kNoncesMax = 8;        // our choice: one order has one request under way
constexpr std::size_t kNonceLengthMax = 512; // our choice: CAs send 20 to 60 characters
constexpr std::size_t kBodyLimit = 256 * 1024; // G-04
constexpr std::string_view kBase64Url = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::string_view kScheme = "https://";

// The host of an https URL, without brackets, user and port.
std::string host_of(std::string_view url) {
    std::string_view rest = url.substr(std::min(kScheme.size(), url.size()));
    rest = rest.substr(0, rest.find_first_of("/?#"));
    if (auto at = rest.rfind('@'); at != std::string_view::npos) rest.remove_prefix(at + 1);
    if (rest.starts_with('[')) return std::string(rest.substr(1, rest.find(']') - 1));
    return std::string(rest.substr(0, rest.find(':')));
}

bool is_private_host(const std::string& host) { return host == "localhost" || host.ends_with(".localhost") || is_private_address(host); }

std::string text_of(const Json& value) { return value.as_string().value_or(""); }

} // namespace

Status AcmeSession::check_url(const std::string& url) const {
    // RFC 8555 sections 6.1 and 10.4 (G-04): a CA's objects are on https, and lead into no inner network unless the CA is in one.
    if (!url.starts_with(kScheme))
        return Error(ErrorCode::refused, "the CA names an object that is not on https; nothing is sent there").with_peer_text(url);
    if (!private_ca_ && is_private_host(host_of(url)))
        return Error(ErrorCode::refused, "the CA names an object on a private address; nothing is sent there").with_peer_text(url);
    return done();
}

Result<HttpResponse> AcmeSession::fetch_directory() {
    HttpRequest request;
    request.url = directory_url_;
    request.body_limit = kBodyLimit;
    auto response = transport_.send(request);
    if (!response) return std::move(response).error().in_context("reading the directory of the CA");
    private_ca_ = is_private_host(host_of(directory_url_)) || is_private_address(response->peer_address);
    if (response->status == 200) return response;
    Problem problem = parse_problem(response->status, response->body);
    if (const std::string* wait = response->header("retry-after")) problem.retry_after = parse_retry_after(*wait, clock_.wall());
    return to_error(problem, "reading the directory " + directory_url_);
}

Result<AcmeDirectory> AcmeSession::directory() {
    if (directory_) return *directory_;
    auto response = fetch_directory();
    if (!response) return std::move(response).error();
    auto document = Json::parse(response->body);
    bool complete = document && (*document)["newNonce"].as_string() && (*document)["newAccount"].as_string() && (*document)["newOrder"].as_string();
    if (!complete) return Error(ErrorCode::protocol, fmt::format("{} is no ACME directory; check `directory`", directory_url_), Retry::transient());
    // RFC 8555 section 7.1.1.
    const Json& meta = (*document)["meta"];
    AcmeDirectory found{text_of((*document)["newNonce"]), text_of((*document)["newAccount"]), text_of((*document)["newOrder"]),
                        text_of(meta["termsOfService"]), meta["externalAccountRequired"].as_bool().value_or(false),
                        text_of((*document)["renewalInfo"])};
    for (const std::string& url : {found.new_nonce, found.new_account, found.new_order})
        if (Status fit = check_url(url); !fit) return std::move(fit).error();
    directory_ = found;
    return found;
}

Result<Instant> AcmeSession::server_time() {
    auto response = fetch_directory();
    if (!response) return std::move(response).error();
    const std::string* date = response->header("date");
    if (date == nullptr) return Error(ErrorCode::unsupported, fmt::format("{} sends no Date", directory_url_));
    return parse_http_date(*date);
}

void AcmeSession::keep_nonce(const HttpResponse& response) {
    const std::string* nonce = response.header("replay-nonce");
    // RFC 8555 section 6.5.1 (E-01): Replay-Nonce = 1*base64url; another value is ignored.
    bool usable = nonce != nullptr && !nonce->empty() && nonce->size() <= kNonceLengthMax && nonce->find_first_not_of(kBase64Url) == std::string::npos;
    if (!usable) return;
    if (nonces_.size() == kNoncesMax) nonces_.erase(nonces_.begin());
    nonces_.push_back(*nonce);
}

Result<std::string> AcmeSession::take_nonce() {
    if (nonces_.empty()) {
        auto known = directory();
        if (!known) return std::move(known).error();
        HttpRequest request;
        request.method = "HEAD";
        request.url = known->new_nonce;
        request.public_only = !private_ca_;
        auto response = transport_.send(request);
        if (!response) return std::move(response).error().in_context("asking the CA for a nonce");
        if (response->status >= 400) return to_error(reply_of(*std::move(response)).problem.value_or(Problem()), "asking the CA for a nonce");
        keep_nonce(*response);
    }
    if (nonces_.empty()) return Error(ErrorCode::protocol, "the CA gave no nonce", Retry::transient());
    std::string nonce = std::move(nonces_.back());
    nonces_.pop_back();
    return nonce;
}

Result<HttpResponse> AcmeSession::send_signed(const std::string& url, const AccountKey& key, const std::string& account_url, std::string_view payload) {
    auto nonce = take_nonce();
    if (!nonce) return std::move(nonce).error();
    auto body = make_jws(key, {url, *nonce, account_url}, payload);
    if (!body) return std::move(body).error();
    HttpRequest request;
    request.method = "POST";
    request.url = url;
    request.headers = {{"content-type", "application/jose+json"}};
    request.body = *std::move(body);
    request.body_limit = kBodyLimit;
    request.public_only = !private_ca_;
    auto response = transport_.send(request);
    if (response) keep_nonce(*response);
    return response;
}

AcmeReply AcmeSession::reply_of(HttpResponse response) const {
    AcmeReply reply;
    reply.status = response.status;
    if (const std::string* location = response.header("location")) reply.location = *location;
    if (const std::string* wait = response.header("retry-after")) reply.retry_after = parse_retry_after(*wait, clock_.wall());
    if (response.status >= 400) {
        reply.problem = parse_problem(response.status, response.body);
        reply.problem->retry_after = reply.retry_after;
    }
    if (auto document = Json::parse(response.body)) reply.document = *std::move(document);
    reply.body = std::move(response.body);
    return reply;
}

Result<AcmeReply> AcmeSession::get(const std::string& url) {
    auto known = directory(); // also tells whether the CA is a private one
    if (!known) return std::move(known).error();
    if (Status fit = check_url(url); !fit) return std::move(fit).error();
    HttpRequest request;
    request.url = url;
    request.body_limit = kBodyLimit;
    request.public_only = !private_ca_;
    auto response = transport_.send(request);
    if (!response) return std::move(response).error();
    return reply_of(*std::move(response));
}

Result<AcmeReply> AcmeSession::post(const std::string& url, const AccountKey& key, const std::string& account_url, std::string_view payload) {
    auto known = directory(); // also tells whether the CA is a private one
    if (!known) return std::move(known).error();
    if (Status fit = check_url(url); !fit) return std::move(fit).error();
    for (int tried = 0;; ++tried) {
        auto response = send_signed(url, key, account_url, payload);
        if (!response) return std::move(response).error();
        AcmeReply reply = reply_of(*std::move(response));
        // RFC 8555 section 6.5 (E-01): signed anew with the nonce that came with the refusal; no failure.
        bool again = reply.problem && reply.problem->type == "badNonce" && tried < kNonceTries;
        if (!again) return reply;
    }
}

} // namespace mxseal::agent
