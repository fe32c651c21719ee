// AcmeOrder drives one order to its certificate: it carries out the steps of order_state.hpp, journals before each act, and
// takes its challenge values out of DNS again whatever the outcome.
//
// One thread. Made for one run; what a killed run left in the journal is resumed by the next.
#pragma once

#include "agent/acme/acme_account.hpp"
#include "agent/acme/acme_session.hpp"
#include "agent/acme/authority.hpp"
#include "agent/acme/order_state.hpp"
#include "agent/acme/sleeper.hpp"

#include <string>

namespace mxseal::agent {

struct OrderPorts {
    Journal& journal;
    ChallengePublisher& publisher;
    const Clock& clock;
    Sleeper& sleeper;
    ChallengeType challenge = ChallengeType::dns_01; // what `publisher` publishes
};

// How a run ended, beside its certificate or error.
enum class OrderEnd {
    open,     // may be resumed
    finished, // the certificate is here
    lost,     // the order is invalid: this set of names rests before the next (E-07)
    no_account, // the CA does not know our account
};

class AcmeOrder {
public:
    AcmeOrder(OrderPorts ports, AcmeSession& session, const AcmeAccount& account, std::string journal_id, Duration time_limit);

    Result<std::string> run(const CertificateRequest& request);
    OrderEnd end() const { return end_; }

private:
    Status advance(const OrderStep& step, const CertificateRequest& request);
    Status create(const CertificateRequest& request);
    Result<AcmeReply> open(const CertificateRequest& request);
    Status read_order();
    Status read_authorization(std::size_t index, const CertificateRequest& request);
    Status publish(AuthorizationState& authorization);
    Status respond(AuthorizationState& authorization);
    Status finalize(const CertificateRequest& request);
    Status wait();
    Result<std::string> download(const CertificateRequest& request);
    Result<std::string> drive(const CertificateRequest& request);
    Error lose(Error error);

    Result<AcmeReply> post(const std::string& url, std::string_view payload);
    Result<AcmeReply> read(const std::string& url);
    Status keep();
    Status clean_up();

    OrderPorts ports_;
    AcmeSession& session_;
    const AcmeAccount& account_;
    std::string journal_id_;
    BootTime deadline_;
    OrderState state_;
    OrderEnd end_ = OrderEnd::open;
    std::optional<Duration> asked_wait_; // Retry-After of the last answer
    int polls_ = 0;
};

} // namespace mxseal::agent
