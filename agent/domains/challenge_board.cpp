#include "agent/domains/challenge_board.hpp"

#include <fmt/format.h>

namespace mxseal::agent {

namespace {

using server::Challenges;

std::shared_ptr<Challenges> copy_of(const Challenges& from) {
    auto to = std::make_shared<Challenges>();
    to->http = from.http;
    for (const auto& [name, one] : from.tls_alpn) to->tls_alpn.emplace(name, Challenges::TlsAlpn{one.certificate, {one.key.scalar.clone(), one.key.point}});
    return to;
}

// RFC 8555 section 8.1: the token stands before the first dot.
std::string token_of(const std::string& key_authorization) { return key_authorization.substr(0, key_authorization.find('.')); }

} // namespace

ChallengeBoard::ChallengeBoard(Sink show, std::function<Status()> until_seen) : show_(std::move(show)), until_seen_(std::move(until_seen)), http_(*this), tls_alpn_(*this) {}

template <class Change>
Status ChallengeBoard::change(Change&& change) {
    std::lock_guard lock(mutex_);
    auto next = copy_of(*shown_);
    if (Status changed = change(*next); !changed.ok()) return changed;
    if (auto shown = show_(next); !shown.ok()) return shown;
    shown_ = std::move(next);
    return done();
}

Status ChallengeBoard::Http::publish(const dns::Name& name, const std::string& value) {
    const std::string token = token_of(value);
    if (!server::is_acme_token(token)) return Error(ErrorCode::protocol, fmt::format("the CA gave {} a token that is not base64url", name.text()));
    auto shown = board_.change([&](Challenges& all) {
        all.http[name.text()][token] = value;
        return done();
    });
    return shown.ok() ? board_.until_seen_() : shown;
}

Status ChallengeBoard::Http::remove(const dns::Name& name, const std::string& value) {
    return board_.change([&](Challenges& all) {
        auto found = all.http.find(name.text());
        if (found == all.http.end()) return done();
        found->second.erase(token_of(value));
        if (found->second.empty()) all.http.erase(found);
        return done();
    });
}

Status ChallengeBoard::TlsAlpn::publish(const dns::Name& name, const std::string& value) {
    auto made = server::make_tls_alpn(name.text(), value);
    if (!made.ok()) return std::move(made).error();
    auto shown = board_.change([&](Challenges& all) {
        all.tls_alpn.insert_or_assign(name.text(), std::move(*made));
        return done();
    });
    return shown.ok() ? board_.until_seen_() : shown;
}

Status ChallengeBoard::TlsAlpn::remove(const dns::Name& name, const std::string&) {
    return board_.change([&](Challenges& all) {
        all.tls_alpn.erase(name.text());
        return done();
    });
}

} // namespace mxseal::agent
