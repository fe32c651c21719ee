#include "agent/store/checks.hpp"

#include <fmt/format.h>

namespace mxseal::agent {

namespace {

Error invalid(std::string message) { return Error(ErrorCode::invalid, std::move(message)); }

} // namespace

Status check_commit(const Commit& commit) {
    for (const Commit::Host& host : commit.hosts)
        if (host.name.empty()) return invalid("a host without a name cannot be stored");
    for (const LogEntry& entry : commit.log)
        if (entry.event.empty()) return invalid("a log entry without an event cannot be stored");
    for (const auto& fact : commit.facts)
        if (fact.first.empty()) return invalid("a fact without a name cannot be stored");
    for (const SiteRow& site : commit.sites)
        if (site.domain.empty()) return invalid("a site without a domain cannot be stored");
    for (const SitePair& pair : commit.pairs) {
        if (auto sealed = check_key(pair.domain, pair.domain, pair.sealed); !sealed) return sealed;
        if (pair.leaf.empty()) return invalid(fmt::format("the certificate of {} is empty", pair.domain));
    }
    return done();
}

Status check_key(std::string_view spki, std::string_view host, ByteView sealed) {
    if (spki.empty() || host.empty()) return invalid("a key is stored under its SPKI and its host; one of them is empty");
    if (sealed.empty()) return invalid(fmt::format("the sealed text of key {} is empty", spki));
    std::string_view text(reinterpret_cast<const char*>(sealed.data()), sealed.size());
    if (text.find("PRIVATE KEY-----") != std::string_view::npos)
        return invalid(fmt::format("key {} is not sealed; it is not stored", spki));
    return done();
}

Status check_chain(std::string_view spki, std::string_view pem) {
    if (spki.empty() || pem.empty()) return invalid("a chain is stored under its SPKI; one of them is empty");
    if (pem.find("PRIVATE KEY-----") != std::string_view::npos)
        return invalid(fmt::format("a private key stands in the chain of {}; it is not stored", spki));
    return done();
}

Status check_domains(const std::vector<DomainRow>& rows) {
    for (const DomainRow& row : rows)
        if (row.name.empty() || row.profile.empty()) return invalid("a domain is stored under its name, with a profile; one of them is empty");
    return done();
}

Status check_document_id(std::string_view kind, std::string_view id) {
    if (kind.empty() || id.empty()) return invalid("a document is stored under a kind and an id; one of them is empty");
    return done();
}

Error lease_lost(const FencingToken& ours, std::int64_t now, std::string_view holder) {
    return Error(ErrorCode::refused,
                 fmt::format("the lease is another's: ours is {}, {} holds {}; nothing was written, this agent must stop and look again", ours.value,
                             holder.empty() ? std::string_view("nobody") : holder, now));
}

Error lease_held(std::string_view holder) {
    return Error(ErrorCode::busy,
                 fmt::format("{} holds the lease of this store; stop it first, or leave the request to it", holder.empty() ? "another mxseal" : holder),
                 Retry::transient());
}

Error too_many_requests() {
    return Error(ErrorCode::busy, fmt::format("{} requests wait already and no agent takes them; start `mxseal agent` first", kPendingRequestsMax),
                 Retry::transient());
}

} // namespace mxseal::agent
