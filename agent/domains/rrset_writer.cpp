#include "agent/domains/rrset_writer.hpp"

#include "agent/observe/rrset_text.hpp"

#include <algorithm>
#include <map>

#include <fmt/format.h>

namespace mxseal::agent {

namespace {

using rotation::mta_sts::Values;

// The octets of each text; two values can have one text, differently split into strings.
using ByText = std::multimap<std::string, Bytes>;

Result<ByText> by_text(dns::Type type, const std::vector<Bytes>& values) {
    ByText found;
    for (const Bytes& value : values) {
        auto text = value_text(type, value);
        if (!text.ok()) return std::move(text).error();
        found.emplace(std::move(*text), value);
    }
    return found;
}

Values canonical(Values texts) {
    std::sort(texts.begin(), texts.end());
    texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
    return texts;
}

Error lost(const dns::Name& owner, dns::Type type, const Values& base, const Values& found) {
    return Error(ErrorCode::precondition, fmt::format("{} {} is not what was expected: {} values stand there, not the {} of the last look; nothing was written, look again", dns::to_string(type),
                                                      owner.text(), found.size(), base.size()),
                 Retry::transient());
}

Result<std::vector<Bytes>> rdata_of(dns::Type type, const Values& target, const ByText& current) {
    std::vector<Bytes> rdata;
    for (const std::string& text : target) {
        const auto [first, last] = current.equal_range(text);
        for (auto kept = first; kept != last; ++kept) rdata.push_back(kept->second);
        if (first != last) continue;
        auto value = value_rdata(type, text);
        if (!value.ok()) return std::move(value).error();
        rdata.push_back(std::move(*value));
    }
    return rdata;
}

// BIND answers REFUSED, as to a key that may not write, when an MX host of its own zone has no address (`check-integrity`).
Error explained(Error error, const dns::Name& owner, dns::Type type) {
    if (type != dns::Type::mx || error.code() != ErrorCode::auth_failed) return error;
    return std::move(error).in_context(fmt::format("writing MX {} (each of its hosts that is in the zone needs an address there, or BIND refuses all)", owner.text()));
}

} // namespace

Status write_rrset(providers::DnsDriver& driver, const dns::Name& owner, dns::Type type, const Values& base, const Values& target, Ttl ttl) {
    auto zone = driver.find_zone(owner);
    if (!zone.ok()) return std::move(zone).error();
    auto there = driver.read(*zone, owner, type);
    if (!there.ok()) return std::move(there).error();
    const std::vector<Bytes> values = *there ? (*there)->values : std::vector<Bytes>{};
    auto current = by_text(type, values);
    if (!current.ok()) return std::move(current).error();
    Values found;
    for (const auto& [text, value] : *current) found.push_back(text);
    if (canonical(found) != canonical(base)) return lost(owner, type, base, found);
    auto rdata = rdata_of(type, canonical(target), *current);
    if (!rdata.ok()) return std::move(rdata).error();
    providers::Change change{owner, type, providers::Replace{std::move(*rdata), ttl}, providers::MustBeAbsent{}};
    // Between our look and the write the driver compares once more, octet for octet.
    if (!values.empty()) change.precondition = providers::MustEqual{values};
    auto ticket = driver.apply(*zone, {std::move(change)});
    if (!ticket.ok()) return explained(std::move(ticket).error(), owner, type);
    return done();
}

} // namespace mxseal::agent
