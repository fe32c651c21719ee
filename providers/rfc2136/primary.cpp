#include "providers/rfc2136/primary.hpp"

#include "base/dns/wire.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace mxseal::providers {

namespace {

// Our choice: a set that somebody changes at every read is a fight, and not ours to win.
constexpr int kLostRacesMax = 3;

constexpr int kNoError = 0, kNxDomain = 3;

Error not_served(const dns::Name& name, const dns::Endpoint& server, std::string_view why) {
    return Error(ErrorCode::not_managed, fmt::format("{} serves no zone for {}: {}", server.to_string(), name.text(), why));
}

Error refused_read(const std::string& where, int rcode) {
    auto text = fmt::format("{}: the server answered {}", where, dns::rcode_text(rcode));
    // F-07: SERVFAIL and NOTIMP let another listed primary be asked.
    if (rcode == 2) return Error(ErrorCode::transient, std::move(text), Retry::transient());
    if (rcode == 4) return Error(ErrorCode::unsupported, std::move(text));
    return Error(ErrorCode::not_managed, text + "; let the TSIG key query the zone there");
}

const dns::Record* first_of(const std::vector<dns::Record>& records, dns::Type type) {
    auto found = std::find_if(records.begin(), records.end(), [type](const dns::Record& record) { return record.type == type; });
    return found == records.end() ? nullptr : &*found;
}

// The owner of the SOA record that a primary sends with its answer to `name` SOA; nothing when it says nothing about `name`'s own zone.
std::optional<dns::Name> apex_in(const dns::Message& message, const dns::Name& name) {
    if (!message.authoritative || (message.rcode != kNoError && message.rcode != kNxDomain)) return std::nullopt;
    // Behind an alias the server goes on to the target, whose SOA may be that of another zone.
    if (first_of(message.answer, dns::Type::cname) != nullptr) return std::nullopt;
    const auto* soa = first_of(message.answer, dns::Type::soa);
    if (soa == nullptr) soa = first_of(message.authority, dns::Type::soa);
    if (soa == nullptr || !name.is_within(soa->owner)) return std::nullopt;
    return soa->owner;
}

bool is_referral(const dns::Message& message) {
    return message.rcode == kNoError && !message.authoritative && message.answer.empty() && first_of(message.authority, dns::Type::ns) != nullptr;
}

std::vector<Bytes> values_at(const dns::Message& message, const dns::Name& owner, dns::Type type) {
    std::vector<Bytes> values;
    for (const dns::Record& record : message.answer)
        if (record.owner == owner && record.type == type) values.push_back(record.rdata);
    return canonical(std::move(values));
}

// The label count in the RRSIG over (owner, type); nothing in an unsigned zone. RFC 4034 section 3.1: type covered, algorithm, labels.
std::optional<std::size_t> signed_labels(const dns::Message& message, const dns::Name& owner, dns::Type type) {
    for (const dns::Record& record : message.answer) {
        if (record.type != dns::Type::rrsig || record.owner != owner || record.rdata.size() < 4) continue;
        if (static_cast<dns::Type>(record.rdata[0] << 8 | record.rdata[1]) == type) return record.rdata[3];
    }
    return std::nullopt;
}

Ttl ttl_at(const dns::Message& message, const dns::Name& owner, dns::Type type) {
    Ttl ttl{0};
    for (const dns::Record& record : message.answer)
        if (record.owner == owner && record.type == type) ttl = std::max(ttl, record.ttl);
    return ttl;
}

dns::Update update_of(const Zone& zone, const std::vector<PlannedChange>& plan) {
    dns::Update update{zone.apex, {}, {}};
    for (const PlannedChange& change : plan) {
        // RFC 2136 section 2.4.2 and 2.4.3 (F-03): exactly what was read, or nothing.
        update.prerequisites.push_back({change.owner, change.type, change.before ? change.before->values : std::vector<Bytes>{}});
        // RFC 2136 section 3.4.2.2 (F-02): beside a CNAME the server would drop the records without a word.
        if (change.type != dns::Type::cname) update.prerequisites.push_back({change.owner, dns::Type::cname, {}});
        dns::RrsetUpdate rrset{change.owner, change.type, Ttl(0), {}};
        if (change.after) {
            rrset.ttl = change.after->ttl;
            rrset.values = change.after->values;
        }
        update.rrsets.push_back(std::move(rrset));
    }
    return update;
}

bool same_values(const std::optional<Rrset>& a, const std::optional<Rrset>& b) {
    return a.has_value() == b.has_value() && (!a || a->values == b->values);
}

} // namespace

Result<dns::SignedSession*> Primary::session() {
    if (!session_) {
        auto opened = dns::SignedSession::open(access_.server, access_.key, access_.clock, exchange_deadline());
        if (!opened.ok()) return std::move(opened).error();
        session_.emplace(std::move(*opened));
    }
    return &*session_;
}

Result<dns::Message> Primary::ask(const dns::Question& question) {
    bool reused = session_.has_value();
    auto open = session();
    if (!open.ok()) return std::move(open).error();
    auto message = (*open)->ask(question, exchange_deadline());
    if (message.ok() || message.error().code() != ErrorCode::transient) return message;
    session_.reset();
    // RFC 7766 section 6.2.3: a server may close an idle connection at any time; a question can be asked again, once.
    return reused ? ask(question) : message;
}

Result<Zone> Primary::find_zone(const dns::Name& name) {
    // RFC 2136 section 4 (F-01): SOA of the name, then of each name above; one turn a label, at most 127.
    for (dns::Name at = name;; at = at.parent()) {
        auto message = ask({at, dns::Type::soa});
        // A name that the server does not serve; the one above may be.
        if (!message.ok() && message.error().code() != ErrorCode::not_managed) return std::move(message).error();
        if (message.ok()) {
            if (auto apex = apex_in(*message, at)) return Zone{std::move(*apex), "", std::nullopt};
            // F-01: a cut between the zone above and the name.
            if (is_referral(*message)) return not_served(name, access_.server, "it is delegated to other servers");
        }
        if (at.is_root()) return not_served(name, access_.server, "neither the name nor one above it");
    }
}

Result<dns::Message> Primary::ask_with_authority(const dns::Name& owner, dns::Type type) {
    auto message = ask({owner, type});
    if (!message.ok()) return message;
    if (message->rcode != kNoError && message->rcode != kNxDomain)
        return refused_read(fmt::format("{} {} at {}", to_string(type), owner.text(), access_.server.to_string()), message->rcode);
    if (!message->authoritative) return not_served(owner, access_.server, "it does not answer with authority (is there a zone cut?)");
    return message;
}

// Whether the answer was made from a wildcard, so that nothing stands at the owner (RFC 4592 section 3.3): what an update then
// requires to stand there does not.
Result<bool> Primary::is_made_up(const Zone& zone, const dns::Message& message, const dns::Name& owner, dns::Type type) {
    if (owner == zone.apex) return false;
    // RFC 4035 section 5.3.4: fewer labels in the RRSIG than in the owner.
    if (auto labels = signed_labels(message, owner, type)) return *labels < owner.label_count();
    // Unsigned: a wildcard gives a name beside it, which nobody has, the same answer.
    auto beside = owner.parent().prefixed(fmt::format("mxseal-probe-{:04x}{:04x}", dns::random_id(), dns::random_id()));
    if (!beside.ok()) return false; // no room for a longer label
    auto probe = ask_with_authority(*beside, type);
    if (!probe.ok()) return std::move(probe).error();
    return values_at(*probe, *beside, type) == values_at(message, owner, type);
}

Result<std::optional<Rrset>> Primary::read(const Zone& zone, const dns::Name& owner, dns::Type type) {
    auto message = ask_with_authority(owner, type);
    if (!message.ok()) return std::move(message).error();
    // F-02: a CNAME at the owner, or one that a DNAME above it makes.
    bool aliased = type != dns::Type::cname && !values_at(*message, owner, dns::Type::cname).empty();
    auto seen = aliased ? dns::Type::cname : type;
    Rrset rrset{owner, type, ttl_at(*message, owner, type), values_at(*message, owner, type)};
    if (!aliased && rrset.values.empty()) return std::optional<Rrset>{};
    if (first_of(message->answer, dns::Type::dname) == nullptr) {
        auto made_up = is_made_up(zone, *message, owner, seen);
        if (!made_up.ok()) return std::move(made_up).error();
        if (*made_up) return std::optional<Rrset>{};
    }
    if (aliased)
        return Error(ErrorCode::cname_conflict, fmt::format("{} {} at {}: a CNAME stands there, or a DNAME above it; remove it, or write at its target",
                                                            to_string(type), owner.text(), access_.server.to_string()));
    return std::optional<Rrset>(std::move(rrset));
}

Result<Primary::Plan> Primary::plan(const Zone& zone, const std::vector<Change>& changes) {
    Plan plan;
    for (const Change& change : changes) {
        auto current = read(zone, change.owner, change.type);
        if (!current.ok()) return std::move(current).error();
        auto planned = plan_change(change, std::move(*current), zone.min_ttl);
        if (!planned.ok()) return std::move(planned).error();
        if (planned->changes_anything()) plan.push_back(std::move(*planned));
    }
    return plan;
}

Status Primary::send(const Zone& zone, const Plan& plan) {
    // The update has a connection of its own, so that one which breaks before it is known to have carried nothing.
    session_.reset();
    return dns::send_update(access_.server, access_.key, access_.clock, update_of(zone, plan), exchange_deadline());
}

Status Primary::read_back(const Zone& zone, const Plan& plan) {
    std::size_t arrived = 0, untouched = 0;
    std::string missing;
    for (const PlannedChange& change : plan) {
        auto now = read(zone, change.owner, change.type);
        if (!now.ok())
            return Error(ErrorCode::ambiguous, fmt::format("{} was written, but could not be read back: {}", change.to_string(), now.error().message()),
                         Retry::transient());
        bool is_old = *now == change.before;
        if (same_values(*now, change.after) && !is_old) {
            ++arrived; // with the TTL that the server made of ours
            continue;
        }
        untouched += is_old ? 1 : 0;
        if (missing.empty()) missing = change.to_string();
    }
    if (arrived == plan.size()) return done();
    // RFC 2136 section 3.6 (F-06): NOERROR is no proof.
    if (untouched == plan.size())
        return Error(ErrorCode::not_published, fmt::format("{}: {} said NOERROR, but nothing changed; look into the server's log and its update rules",
                                                           missing, access_.server.to_string()));
    return Error(ErrorCode::ambiguous, fmt::format("{}: {} said NOERROR, but answers something else now; somebody else may be writing: read it again",
                                                   missing, access_.server.to_string()),
                 Retry::transient());
}

Result<Ticket> Primary::apply(const Zone& zone, const std::vector<Change>& changes) {
    for (int lost = 0;; ++lost) {
        auto plan = this->plan(zone, changes);
        if (!plan.ok()) return std::move(plan).error();
        if (plan->empty()) return Ticket{}; // F-04: no message without a difference
        auto sent = send(zone, *plan);
        if (sent.ok()) {
            if (auto status = read_back(zone, *plan); !status.ok()) return std::move(status).error();
            return Ticket{};
        }
        // F-03: a lost race: read again and plan again; a change that expects certain values then fails there.
        if (sent.error().code() != ErrorCode::precondition || lost + 1 == kLostRacesMax) return std::move(sent).error();
    }
}

Result<Instant> Primary::time(const Zone& zone) {
    auto open = session();
    if (!open.ok()) return std::move(open).error();
    return (*open)->ask_time({zone.apex, dns::Type::soa}, exchange_deadline());
}

} // namespace mxseal::providers
