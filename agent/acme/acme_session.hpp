// AcmeSession: signed requests to one CA (RFC 8555 section 6): directory, nonces, POST and POST-as-GET.
//
// One thread; made for one order and thrown away. A problem document is a value here: who asked knows what it means.
#pragma once

#include "agent/acme/jws.hpp"
#include "agent/acme/problem.hpp"
#include "base/http.hpp"
#include "base/json.hpp"
#include "base/time.hpp"

#include <optional>
#include <string>
#include <vector>

namespace mxseal::agent {

struct AcmeDirectory {
    std::string new_nonce, new_account, new_order;
    std::string terms_of_service; // empty: none
    bool external_account_required = false;
    std::string renewal_info; // RFC 9773 section 4.1; empty: not offered
};

struct AcmeReply {
    int status = 0;
    std::string body;
    Json document;        // null when the body is no JSON
    std::string location;
    std::optional<Duration> retry_after;
    std::optional<Problem> problem; // status 400 and above
};

class AcmeSession {
public:
    AcmeSession(HttpTransport& transport, const Clock& clock, std::string directory_url)
        : transport_(transport), clock_(clock), directory_url_(std::move(directory_url)) {}

    // Fetched once a session.
    Result<AcmeDirectory> directory();
    // The Date of the directory's answer; `unsupported` without one.
    Result<Instant> server_time();

    // Without a signature: what a CA tells everybody.
    Result<AcmeReply> get(const std::string& url);

    // E-01: badNonce is answered with the nonce of the error, five times at most; a nonce is used once, whatever happens.
    Result<AcmeReply> post(const std::string& url, const AccountKey& key, const std::string& account_url, std::string_view payload);
    Result<AcmeReply> post_as_get(const std::string& url, const AccountKey& key, const std::string& account_url) { return post(url, key, account_url, ""); }

private:
    Result<HttpResponse> fetch_directory();
    Result<std::string> take_nonce();
    void keep_nonce(const HttpResponse& response);
    Status check_url(const std::string& url) const;
    Result<HttpResponse> send_signed(const std::string& url, const AccountKey& key, const std::string& account_url, std::string_view payload);
    AcmeReply reply_of(HttpResponse response) const;

    HttpTransport& transport_;
    const Clock& clock_;
    std::string directory_url_;
    std::optional<AcmeDirectory> directory_;
    bool private_ca_ = false; // the directory itself stands on a private address
    std::vector<std::string> nonces_;
};

} // namespace mxseal::agent
