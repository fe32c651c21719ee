#include "providers/changes.hpp"

#include "base/dns/tlsa.hpp"
#include "base/dns/txt.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

namespace mxseal::providers {

namespace {

constexpr Ttl kTtlMax{2147483647};           // RFC 2181 section 8
constexpr std::size_t kRdataOctetsMax = 16384; // our choice: far above any TLSA or TXT, and half of an update message

std::string name_of(const dns::Name& owner, dns::Type type) { return fmt::format("{} {}", to_string(type), owner.text()); }

template <class... Cases>
struct Overloaded : Cases... {
    using Cases::operator()...;
};
template <class... Cases>
Overloaded(Cases...) -> Overloaded<Cases...>;

Status check_ttl(const Change& change) {
    auto ttl = std::visit(Overloaded{[](const Add& add) { return add.ttl; }, [](const Remove&) { return Ttl(0); },
                                     [](const Replace& replace) { return replace.ttl; }},
                          change.operation);
    if (ttl >= Ttl(0) && ttl <= kTtlMax) return done();
    return Error(ErrorCode::invalid,
                 fmt::format("{}: TTL {} is outside of 0 to {}", name_of(change.owner, change.type), ttl.count(), kTtlMax.count()));
}

// F-06: never SOA. The rest belongs to the server that signs and to the zone's owner.
bool is_writable(dns::Type type) {
    switch (type) {
    case dns::Type::soa:
    case dns::Type::ns:
    case dns::Type::rrsig:
    case dns::Type::nsec:
    case dns::Type::nsec3:
    case dns::Type::dnskey: return false;
    case dns::Type::a:
    case dns::Type::cname:
    case dns::Type::mx:
    case dns::Type::txt:
    case dns::Type::aaaa:
    case dns::Type::dname:
    case dns::Type::ds:
    case dns::Type::tlsa:
    case dns::Type::cds:
    case dns::Type::cdnskey:
    case dns::Type::caa: return true;
    }
    return false;
}

Status check_tlsa(const Bytes& value) {
    auto record = dns::TlsaRecord::from_wire(value);
    if (!record.ok()) return Error(ErrorCode::invalid, record.error().message());
    // RFC 6698 section 2.1.3: no server checks the length (providers.md 0.3), so we do.
    std::size_t octets = record->data.size();
    bool fits = record->matching_type == 1 ? octets == 32 : record->matching_type == 2 ? octets == 64 : octets > 0;
    if (fits) return done();
    return Error(ErrorCode::invalid, fmt::format("a TLSA record with matching type {} and {} octets of data", record->matching_type, octets));
}

Status check_value(dns::Type type, const Bytes& value) {
    if (value.size() > kRdataOctetsMax)
        return Error(ErrorCode::invalid, fmt::format("a value of {} octets is above {}", value.size(), kRdataOctetsMax));
    if (type == dns::Type::tlsa) return check_tlsa(value);
    if (type != dns::Type::txt) return done();
    auto strings = dns::txt_strings(value);
    if (!strings.ok()) return Error(ErrorCode::invalid, strings.error().message());
    return done();
}

std::vector<Bytes> values_of(const std::optional<Rrset>& rrset) { return rrset ? rrset->values : std::vector<Bytes>{}; }

std::vector<Bytes> without(const std::vector<Bytes>& all, const std::vector<Bytes>& gone) {
    std::vector<Bytes> rest;
    std::set_difference(all.begin(), all.end(), gone.begin(), gone.end(), std::back_inserter(rest));
    return rest;
}

std::optional<Rrset> rrset_of(const Change& change, std::vector<Bytes> values, Ttl ttl) {
    if (values.empty()) return std::nullopt;
    return Rrset{change.owner, change.type, ttl, std::move(values)};
}

std::optional<Rrset> after(const Change& change, const std::optional<Rrset>& before, std::optional<Ttl> min_ttl) {
    auto raised = [&](Ttl ttl) { return std::max(ttl, min_ttl.value_or(Ttl(0))); };
    return std::visit(Overloaded{
                          [&](const Add& add) {
                              auto values = values_of(before);
                              values.insert(values.end(), add.values.begin(), add.values.end());
                              return rrset_of(change, canonical(std::move(values)), raised(add.ttl));
                          },
                          [&](const Remove& remove) {
                              auto rest = without(values_of(before), canonical(remove.values));
                              return rrset_of(change, std::move(rest), before ? before->ttl : Ttl(0));
                          },
                          [&](const Replace& replace) { return rrset_of(change, canonical(replace.values), raised(replace.ttl)); },
                      },
                      change.operation);
}

bool holds(const Precondition& precondition, const std::optional<Rrset>& before) {
    return std::visit(Overloaded{
                          [](const Any&) { return true; },
                          [&](const MustBeAbsent&) { return !before; },
                          // RFC 2136 section 2.4.2: the values in any order, the TTL left aside.
                          [&](const MustEqual& equal) { return canonical(equal.values) == values_of(before); },
                      },
                      precondition);
}

} // namespace

std::vector<Bytes> canonical(std::vector<Bytes> values) {
    std::sort(values.begin(), values.end());
    values.erase(std::unique(values.begin(), values.end()), values.end());
    return values;
}

Status check_changes(const Zone& zone, const std::vector<Change>& changes, std::size_t max_changes) {
    if (changes.size() > max_changes)
        return Error(ErrorCode::invalid, fmt::format("{} changes at once in {}; at most {} go into one message: send them in parts", changes.size(),
                                                     zone.apex.text(), max_changes));
    std::set<std::pair<dns::Name, dns::Type>> seen;
    for (const Change& change : changes) {
        auto name = name_of(change.owner, change.type);
        if (!change.owner.is_within(zone.apex))
            return Error(ErrorCode::not_managed, fmt::format("{} is not in the zone {}", name, zone.apex.text()));
        if (!is_writable(change.type)) return Error(ErrorCode::invalid, fmt::format("{}: mxseal never writes this type", name));
        if (!seen.emplace(change.owner, change.type).second) return Error(ErrorCode::invalid, fmt::format("{} is changed twice at once", name));
        if (auto status = check_ttl(change); !status.ok()) return status;
    }
    return done();
}

std::string PlannedChange::to_string() const { return name_of(owner, type); }

Result<PlannedChange> plan_change(const Change& change, std::optional<Rrset> current, std::optional<Ttl> min_ttl) {
    auto name = name_of(change.owner, change.type);
    if (current) current->values = canonical(std::move(current->values));
    if (!holds(change.precondition, current))
        return Error(ErrorCode::precondition, fmt::format("{} is not what was expected: it has {} values now; nothing was written, read it again",
                                                          name, values_of(current).size()),
                     Retry::transient());
    PlannedChange planned{change.owner, change.type, current, after(change, current, min_ttl)};
    // Only what is new is checked: foreign values stay as they are (F-13).
    for (const Bytes& value : without(values_of(planned.after), values_of(current)))
        if (auto status = check_value(change.type, value); !status.ok()) return std::move(status).error().in_context(name);
    return planned;
}

} // namespace mxseal::providers
