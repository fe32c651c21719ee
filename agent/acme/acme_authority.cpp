#include "agent/acme/acme_authority.hpp"

#include "agent/acme/acme_order.hpp"
#include "agent/acme/back_off.hpp"
#include "agent/acme/renewal_info.hpp"
#include "agent/keys/certificates.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <set>

#include <fmt/format.h>

namespace mxseal::agent {

namespace {

// E-07: orders and back-off are of one CA and one set of names, in any order.
std::string id_of(const std::string& directory, const std::vector<dns::Name>& names) {
    std::set<std::string> sorted;
    for (const dns::Name& name : names) sorted.insert(name.text());
    return to_hex(sha256(view_of(fmt::format("{} {}", directory, fmt::join(sorted, " "))))).substr(0, 32);
}

// What CAs say about the rate, or answer with 429 and 503, is kept over restarts too.
bool is_rate_limit(const Error& error) { return error.code() == ErrorCode::rate_limited; }

Error with_retry(Error error, Duration wait) {
    return Error(error.code(), error.message(), Retry::after(wait)).with_peer_text(error.peer_text());
}

} // namespace

// One thread at a time for each id.
class AcmeAuthority::Turns {
public:
    class Turn {
    public:
        Turn(Turns& turns, std::string id) : turns_(turns), id_(std::move(id)) {
            std::unique_lock lock(turns_.mutex_);
            turns_.changed_.wait(lock, [this] { return turns_.taken_.insert(id_).second; });
        }
        ~Turn() {
            std::lock_guard lock(turns_.mutex_);
            turns_.taken_.erase(id_);
            turns_.changed_.notify_all();
        }
        Turn(const Turn&) = delete;
        Turn& operator=(const Turn&) = delete;

    private:
        Turns& turns_;
        std::string id_;
    };

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::set<std::string> taken_;
};

AcmeAuthority::AcmeAuthority(AcmeOptions options, AcmePorts ports) : options_(std::move(options)), ports_(ports), turns_(std::make_unique<Turns>()) {}
AcmeAuthority::~AcmeAuthority() = default;

Result<AcmeAccount> AcmeAuthority::account(AcmeSession& session) {
    Turns::Turn turn(*turns_, "account"); // two threads must not register two
    return open_account(session, ports_.journal, {options_.name, options_.directory, options_.contact, options_.accept_terms});
}

Result<std::string> AcmeAuthority::obtain(const CertificateRequest& request) {
    if (request.names.empty()) return Error(ErrorCode::internal, "a certificate without names was asked for");
    std::string id = id_of(options_.directory, request.names);
    Turns::Turn turn(*turns_, id);
    BackOff back_off(ports_.journal, id);
    if (Status rested = back_off.check(ports_.clock.wall()); !rested) return std::move(rested).error();
    AcmeSession session(ports_.transport, ports_.clock, options_.directory);
    auto opened = account(session);
    if (opened) return order(session, *opened, request, id);
    Error error = std::move(opened).error();
    if (is_rate_limit(error)) {
        auto wait = back_off.failed(ports_.clock.wall(), error.retry().delay, error.message());
        if (!wait) return std::move(wait).error();
    }
    return error;
}

Result<std::string> AcmeAuthority::order(AcmeSession& session, const AcmeAccount& account, const CertificateRequest& request, const std::string& id) {
    BackOff back_off(ports_.journal, id);
    AcmeOrder order({ports_.journal, ports_.publisher, ports_.clock, ports_.sleeper, options_.challenge}, session, account, id, options_.time_limit);
    auto pem = order.run(request);
    if (pem) {
        if (Status rested = back_off.succeeded(); !rested) return std::move(rested).error();
        return pem;
    }
    if (order.end() == OrderEnd::no_account)
        if (Status forgotten = forget_account(ports_.journal, options_.directory); !forgotten) return std::move(forgotten).error();
    Error error = std::move(pem).error();
    if (!is_rate_limit(error) && order.end() != OrderEnd::lost) return error;
    // E-07: Retry-After exactly; without one 1 h for a limited rate, and the doubling of BackOff for a lost order.
    std::optional<Duration> asked = error.retry().kind == Retry::Kind::after ? std::optional(error.retry().delay) : std::nullopt;
    auto wait = back_off.failed(ports_.clock.wall(), asked, error.message());
    if (!wait) return std::move(wait).error();
    return with_retry(std::move(error), *wait);
}

Result<std::optional<RenewalInfo>> AcmeAuthority::renewal_info(std::string_view chain_pem) {
    auto id = renewal_id(chain_pem);
    if (!id) return std::move(id).error();
    if (!*id) return std::optional<RenewalInfo>();
    AcmeSession session(ports_.transport, ports_.clock, options_.directory);
    return read_renewal_info(session, **id);
}

Result<Instant> AcmeAuthority::server_time() { return AcmeSession(ports_.transport, ports_.clock, options_.directory).server_time(); }

} // namespace mxseal::agent
