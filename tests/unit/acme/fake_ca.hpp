// A CA in memory behind HttpTransport: it checks nonces, URLs and states as RFC 8555 says, counts what it is asked, and can be
// made to fail at any request, before it acts or after.
#pragma once

#include "agent/keys/private_key.hpp"
#include "base/http.hpp"
#include "base/json.hpp"
#include "tests/unit/acme/worlds.hpp"

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace mxseal::agent::testing {

class FakeCa final : public HttpTransport {
public:
    FakeCa(const FakePublisher& publisher, const FakeClock& clock) : publisher_(publisher), clock_(clock) {}

    Result<HttpResponse> send(const HttpRequest& request) override;

    // Of the n-th request (from 1): an answer in place of the CA's, before or after it acted.
    struct Fault {
        int at = 0;
        bool after_acting = false;
        std::function<Result<HttpResponse>()> answer;
    };
    std::optional<Fault> fault;
    void sign_for(const PrivateKey& key) { leaf_key_ = &key; } // what the certificate will hold

    std::string base = "https://ca.example";
    std::string terms = "https://ca.example/terms";
    bool authorization_is_valid = false, validation_fails = false, account_is_unknown = false;
    int bad_nonces = 0;        // so many of the next POSTs are refused
    int not_ready = 0;         // so many finalizations are answered with orderNotReady
    bool offers_renewal_info = false;
    std::function<HttpResponse(const std::string& id)> renewal_info; // of a GET of renewalInfo
    std::optional<HttpResponse> replaces_refused;                    // of an order with `replaces`
    std::vector<std::string> replaced;                               // what orders named
    std::string certificate_url = "https://ca.example/certificate/1";

    int requests = 0, accounts = 0, orders = 0, challenges = 0, finalizations = 0;
    std::vector<std::string> paths;

    static HttpResponse problem(int status, const std::string& type, const std::string& detail = "no");

private:
    struct Order {
        std::vector<std::string> names;
        std::set<std::string> challenged;
        std::string status = "pending";
    };
    HttpResponse directory();
    HttpResponse act(const HttpRequest& request);
    HttpResponse act_signed(const std::string& path, const Json& payload);
    std::optional<HttpResponse> refuse(const HttpRequest& request, const Json& header);
    HttpResponse new_order(const Json& payload);
    HttpResponse finalize(Order& order, std::size_t index);
    HttpResponse show_order(Order& order, std::size_t index, int status = 200);
    HttpResponse show_authorization(Order& order, std::size_t order_index, std::size_t name_index);
    bool is_valid(const Order& order, const std::string& name) const;
    HttpResponse certificate(const Order& order) const;
    HttpResponse answer(int status, std::string body, std::vector<std::pair<std::string, std::string>> headers = {});

    const FakePublisher& publisher_;
    const FakeClock& clock_;
    const PrivateKey* leaf_key_ = nullptr;
    std::vector<Order> orders_;
    std::set<std::string> nonces_;
    int next_nonce_ = 0;
};

} // namespace mxseal::agent::testing
