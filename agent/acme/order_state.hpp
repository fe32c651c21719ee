// An ACME order as a value, and what to do next about it (RFC 8555 sections 7.1.6 and 7.4): no I/O, no clock.
//
// The journaled half survives a restart; the seen half does not, so that a restarted driver asks the CA first and acts only on
// a status that it has seen (E-03).
#pragma once

#include "agent/acme/problem.hpp"
#include "base/dns/name.hpp"
#include "base/json.hpp"
#include "base/result.hpp"
#include "base/time.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mxseal::agent {

// How the CA looks for us: in DNS (RFC 8555 section 8.4), on port 80 (section 8.3) or by ALPN on port 443 (RFC 8737).
enum class ChallengeType { dns_01, http_01, tls_alpn_01 };
std::string_view to_string(ChallengeType type);           // "dns-01"
std::optional<ChallengeType> parse_challenge_type(std::string_view text);

enum class AcmeStatus { unknown, pending, ready, processing, valid, invalid };

// A value that may stand in DNS, or be answered by the endpoint, on our behalf. Journaled before it is published, until it is removed.
struct ChallengeValue {
    dns::Name name;
    std::string value;
    bool operator==(const ChallengeValue&) const = default;
};

struct AuthorizationState {
    std::string url; // journaled
    // seen
    AcmeStatus status = AcmeStatus::unknown;
    dns::Name name;
    std::string challenge_url;
    std::string value;      // of its dns-01 record; with the others the key authorization
    bool published = false; // by this run: every server shows it
    bool responded = false;
    Problem problem;
};

struct OrderState {
    // journaled
    std::string url, finalize_url;
    std::string finalized_key; // SPKI in hex for which a CSR was or may have been sent
    std::vector<AuthorizationState> authorizations;
    std::vector<ChallengeValue> published;
    // seen
    AcmeStatus status = AcmeStatus::unknown;
    std::string certificate_url;
    std::optional<Instant> expires;
    Problem problem;

    // Leaves nothing but the values that still have to be removed.
    void forget_order();
};

enum class OrderAct {
    create,             // newOrder
    read_order,         // its status is not known
    read_authorization, // likewise
    publish,            // the challenge's value, and wait until every server shows it (E-05)
    respond,            // tell the CA to look
    await_authorization,
    await_order,
    finalize, // send the CSR
    download,
    give_up, // the order or an authorization is invalid
};

struct OrderStep {
    OrderAct act = OrderAct::create;
    std::size_t authorization = 0;
    bool operator==(const OrderStep&) const = default;
};

OrderStep next_step(const OrderState& state);

// What the CA answered. `protocol` when the answer is not an order or authorization of ours.
Status absorb_order(OrderState& state, const Json& document, const std::string& location);
Status absorb_authorization(OrderState& state, std::size_t index, const Json& document, const std::vector<dns::Name>& names, std::string_view thumbprint,
                            ChallengeType type = ChallengeType::dns_01);

// Why it was given up, with the words of the CA.
Error explain(const OrderState& state);

Json to_json(const OrderState& state);        // the journaled half
OrderState order_from_json(const Json& document); // unknown or broken parts are left out

} // namespace mxseal::agent
