#include "agent/acme/acme_order.hpp"

#include "agent/keys/certificates.hpp"
#include "agent/keys/openssl.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace mxseal::agent {

namespace {

constexpr std::string_view kKind = "acme_order";
constexpr Duration kPollFirst = std::chrono::seconds(1); // E-03
constexpr Duration kPollMax = std::chrono::seconds(60);  // E-03
constexpr int kDoublingsMax = 6;                         // 1 s * 2^6 is above kPollMax
constexpr int kReadTries = 3;                            // our choice: a lost packet must not cost a publication in DNS
constexpr int kStepsMax = 2000;                          // our choice: 100 names at five steps each, and polls every 2 s

Json order_payload(const std::vector<dns::Name>& names, const std::string& replaces) {
    Json identifiers = Json::array();
    for (const dns::Name& name : names) identifiers.push(Json::object({{"type", "dns"}, {"value", name.text()}}));
    Json payload = Json::object({{"identifiers", identifiers}});
    if (!replaces.empty()) payload.set("replaces", replaces);
    return payload;
}

// RFC 9773 section 5 (E-13): only towards a CA that offers renewalInfo, and of a certificate that has such an id.
std::string replaced_id(const AcmeDirectory& directory, const CertificateRequest& request) {
    if (directory.renewal_info.empty() || request.replaces.empty()) return "";
    auto id = renewal_id(request.replaces);
    return id && *id ? **id : "";
}

// RFC 9773 section 5: alreadyReplaced, and whatever else a CA may have against `replaces`. Its rate and our account have nothing to do with it.
bool may_be_for_replaces(const Problem& problem) {
    return problem.status >= 400 && problem.status < 500 && problem.status != 429 && problem.type != "rateLimited" && problem.type != "accountDoesNotExist";
}

bool may_read_again(const Error& error) { return error.code() == ErrorCode::transient || error.code() == ErrorCode::ambiguous; }

bool is_type(const AcmeReply& reply, std::string_view type) { return reply.problem && reply.problem->type == type; }

} // namespace

AcmeOrder::AcmeOrder(OrderPorts ports, AcmeSession& session, const AcmeAccount& account, std::string journal_id, Duration time_limit)
    : ports_(ports), session_(session), account_(account), journal_id_(std::move(journal_id)),
      deadline_{ports.clock.boot_time().since_boot + time_limit} {}

Result<std::string> AcmeOrder::run(const CertificateRequest& request) {
    if (auto kept = ports_.journal.get(kKind, journal_id_)) state_ = order_from_json(*kept);
    // the CSR of an order cannot be changed; one that was finalized for another key gives no certificate for this.
    if (!state_.finalized_key.empty() && state_.finalized_key != request.key.spki().hex()) state_.forget_order();
    auto pem = drive(request);
    // The next account will not be told about this one's orders.
    if (end_ == OrderEnd::no_account) {
        state_.forget_order();
        if (Status kept = keep(); !kept) return std::move(kept).error();
    }
    // E-17: also after a failure. What could not be removed stays in the journal for the next run.
    Status cleaned = clean_up();
    if (!pem) return pem;
    bool empty = cleaned && state_.published.empty();
    Status kept = empty ? ports_.journal.remove(kKind, journal_id_) : keep();
    if (!kept) return std::move(kept).error().in_context("closing the order");
    return pem;
}

Result<std::string> AcmeOrder::drive(const CertificateRequest& request) {
    for (int steps = 0; steps < kStepsMax; ++steps) {
        OrderStep step = next_step(state_);
        if (step.act == OrderAct::download) return download(request);
        if (step.act == OrderAct::give_up) return lose(explain(state_));
        if (Status advanced = advance(step, request); !advanced) return std::move(advanced).error();
    }
    return Error(ErrorCode::protocol, fmt::format("the order at the CA did not end within {} steps", kStepsMax), Retry::transient());
}

Status AcmeOrder::advance(const OrderStep& step, const CertificateRequest& request) {
    switch (step.act) {
    case OrderAct::create: return create(request);
    case OrderAct::read_order: return read_order();
    case OrderAct::read_authorization: return read_authorization(step.authorization, request);
    case OrderAct::publish: return publish(state_.authorizations[step.authorization]);
    case OrderAct::respond: return respond(state_.authorizations[step.authorization]);
    case OrderAct::await_authorization:
        if (Status waited = wait(); !waited) return waited;
        return read_authorization(step.authorization, request);
    case OrderAct::await_order:
        if (Status waited = wait(); !waited) return waited;
        return read_order();
    case OrderAct::finalize: return finalize(request);
    case OrderAct::download:
    case OrderAct::give_up: break; // end the loop in drive()
    }
    return Error(ErrorCode::internal, "an order step that ends the order was carried on");
}

Status AcmeOrder::create(const CertificateRequest& request) {
    auto reply = open(request);
    if (!reply) return std::move(reply).error().in_context("opening an order");
    if (reply->problem) return to_error(*reply->problem, "opening an order");
    if (Status fit = absorb_order(state_, reply->document, reply->location); !fit) return fit;
    return keep(); // E-03: before any challenge
}

Result<AcmeReply> AcmeOrder::open(const CertificateRequest& request) {
    auto directory = session_.directory();
    if (!directory) return std::move(directory).error();
    const std::string replaces = replaced_id(*directory, request);
    auto reply = post(directory->new_order, order_payload(request.names, replaces).dump());
    // E-13: refused with `replaces`, the order is opened once more without it.
    const bool again = reply && reply->problem && !replaces.empty() && may_be_for_replaces(*reply->problem);
    return again ? post(directory->new_order, order_payload(request.names, "").dump()) : std::move(reply);
}

Status AcmeOrder::read_order() {
    auto reply = read(state_.url);
    if (!reply) return std::move(reply).error().in_context("reading the order");
    // E-04: an order that has expired is gone; it is forgotten and a new one opened.
    if (reply->status == 404) {
        state_.forget_order();
        return keep();
    }
    if (reply->problem) return to_error(*reply->problem, "reading the order");
    return absorb_order(state_, reply->document, reply->location);
}

Status AcmeOrder::read_authorization(std::size_t index, const CertificateRequest& request) {
    auto reply = read(state_.authorizations[index].url);
    if (!reply) return std::move(reply).error().in_context("reading an authorization");
    if (reply->problem) return to_error(*reply->problem, "reading an authorization");
    Status fit = absorb_authorization(state_, index, reply->document, request.names, account_.key.thumbprint(), ports_.challenge);
    if (state_.authorizations[index].status != AcmeStatus::pending) polls_ = 0;
    return fit;
}

Status AcmeOrder::publish(AuthorizationState& authorization) {
    ChallengeValue value{authorization.name, authorization.value};
    if (std::find(state_.published.begin(), state_.published.end(), value) == state_.published.end()) state_.published.push_back(value);
    if (Status kept = keep(); !kept) return kept;
    Status shown = ports_.publisher.publish(value.name, value.value);
    if (!shown) return std::move(shown).error().in_context("publishing the challenge of " + value.name.text());
    authorization.published = true;
    return done();
}

Status AcmeOrder::respond(AuthorizationState& authorization) {
    auto reply = post(authorization.challenge_url, "{}");
    if (!reply) return std::move(reply).error().in_context("answering the challenge of " + authorization.name.text());
    // RFC 8555 section 7.5.1: a challenge that is under way or decided may be refused; the authorization tells.
    if (reply->problem && reply->status >= 500) return to_error(*reply->problem, "answering the challenge of " + authorization.name.text());
    authorization.responded = true;
    if (reply->problem) authorization.status = AcmeStatus::unknown;
    return done();
}

Status AcmeOrder::finalize(const CertificateRequest& request) {
    auto csr = make_csr(request.key, request.names); // E-12: made afresh each time
    if (!csr) return std::move(csr).error();
    state_.finalized_key = request.key.spki().hex();
    if (Status kept = keep(); !kept) return kept;
    auto reply = post(state_.finalize_url, Json::object({{"csr", to_base64url(*csr)}}).dump());
    if (!reply) return std::move(reply).error().in_context("sending the signing request");
    // RFC 8555 section 7.4 (E-03): not ready after all, ask again later.
    if (is_type(*reply, "orderNotReady")) {
        state_.status = AcmeStatus::processing;
        return done();
    }
    if (reply->problem && reply->problem->type == "badCSR") return lose(to_error(*reply->problem, "sending the signing request"));
    if (reply->problem) return to_error(*reply->problem, "sending the signing request");
    return absorb_order(state_, reply->document, state_.url);
}

Result<std::string> AcmeOrder::download(const CertificateRequest& request) {
    auto reply = read(state_.certificate_url);
    if (!reply) return std::move(reply).error().in_context("fetching the certificate");
    if (reply->problem) return to_error(*reply->problem, "fetching the certificate");
    auto chain = check_issued(reply->body, request.key, request.names, ports_.clock.wall());
    if (chain) {
        end_ = OrderEnd::finished;
        return std::move(reply->body);
    }
    Error refused = std::move(chain).error().in_context("checking the new certificate");
    // A page of a proxy says nothing about the certificate: it is fetched again.
    if (!openssl::read_certificates(view_of(reply->body))) return Error(ErrorCode::protocol, refused.message(), Retry::transient());
    // A clock that is wrong is not the order's fault: the same certificate is fetched again when it is right.
    if (refused.code() == ErrorCode::clock_skew) return refused;
    return lose(std::move(refused));
}

// E-04: the local order is deleted; its back-off is the authority's.
Error AcmeOrder::lose(Error error) {
    end_ = OrderEnd::lost;
    state_.forget_order();
    if (Status kept = keep(); !kept) return std::move(kept).error();
    return error;
}

Status AcmeOrder::wait() {
    // E-03: what the CA asks for, else 1 s, 2 s, 4 s .. 60 s.
    Duration own = std::min(kPollMax, kPollFirst * (1 << std::min(polls_, kDoublingsMax)));
    Duration pause = std::max(asked_wait_.value_or(own), kPollFirst);
    ++polls_;
    bool expired = state_.expires && ports_.clock.wall() >= *state_.expires;
    if (expired || ports_.clock.boot_time().since_boot + pause > deadline_.since_boot)
        return Error(ErrorCode::transient, "the CA has not finished the order in time; it is resumed at the next try", Retry::after(pause));
    if (!ports_.sleeper.sleep(pause)) return Error(ErrorCode::transient, "the program ends; the order is resumed at the next start", Retry::transient());
    return done();
}

Result<AcmeReply> AcmeOrder::post(const std::string& url, std::string_view payload) {
    auto reply = session_.post(url, account_.key, account_.url, payload);
    if (reply) asked_wait_ = reply->retry_after;
    if (reply && is_type(*reply, "accountDoesNotExist")) end_ = OrderEnd::no_account;
    return reply;
}

// POST-as-GET changes nothing, so that it may be sent again.
Result<AcmeReply> AcmeOrder::read(const std::string& url) {
    for (int tried = 1;; ++tried) {
        auto reply = post(url, "");
        if (reply || tried == kReadTries || !may_read_again(reply.error())) return reply;
        if (Status waited = wait(); !waited) return std::move(waited).error();
    }
}

Status AcmeOrder::keep() { return ports_.journal.put(kKind, journal_id_, to_json(state_)); }

Status AcmeOrder::clean_up() {
    if (state_.published.empty()) return done();
    std::vector<ChallengeValue> left;
    for (const ChallengeValue& value : state_.published)
        if (!ports_.publisher.remove(value.name, value.value)) left.push_back(value);
    state_.published = std::move(left);
    for (AuthorizationState& authorization : state_.authorizations) authorization.published = false;
    return keep();
}

} // namespace mxseal::agent
