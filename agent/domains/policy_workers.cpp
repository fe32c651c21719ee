#include "agent/domains/policy_workers.hpp"

#include "agent/domains/asked_records.hpp"
#include "agent/domains/report_record.hpp"
#include "agent/domains/rrset_writer.hpp"
#include "agent/keys/der_chain.hpp"
#include "agent/observe/policy_fetcher.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace mxseal::agent {

using namespace rotation::mta_sts;

namespace {

// Our choices, for a machine of a few cores: waiting for the network, not computing, is what most of these threads do.
constexpr std::size_t kDnsThreads = 16, kRecordThreads = 2, kFetchThreads = 16, kWriteThreads = 8, kMxThreads = 4;
constexpr Ttl kReportRecordTtl{3600};

rotation::Failure failure_of(const Error& error) {
    rotation::Failure failure{error.to_string(), std::nullopt, error.retry().kind == Retry::Kind::never};
    if (error.retry().kind == Retry::Kind::after) failure.retry_after = error.retry().delay;
    return failure;
}

Result<dns::Name> owner_of(const std::string& domain, dns::Type type) {
    auto name = dns::Name::parse(domain);
    if (!name.ok() || type != dns::Type::txt) return name;
    return name->prefixed("_mta-sts");
}

} // namespace

PolicyWorkers::PolicyWorkers(PolicyPorts ports, std::function<void(PolicyArrival)> sink)
    : ports_(std::move(ports)), sink_(std::move(sink)), dns_(kDnsThreads), records_(kRecordThreads), fetches_(kFetchThreads), writes_(kWriteThreads), mx_hosts_(kMxThreads) {}

void PolicyWorkers::observe(const std::string& domain) {
    dns_.submit([this, domain] {
        auto name = dns::Name::parse(domain);
        const Instant now = ports_.clock.wall();
        if (!name.ok()) return sink_(DnsLook{domain, {now, now, name.error().to_string(), {}, {}, {}}});
        DnsObservation seen = ports_.policies.observe(*name, ports_.zone(*name));
        if (auto owner = owner_of(domain, dns::Type::txt); owner.ok()) note_alias(*owner, seen.txt_alias);
        sink_(DnsLook{domain, std::move(seen)});
    });
}

void PolicyWorkers::fetch(const std::string& domain, bool self_signed, const std::vector<std::string>& departed) {
    fetches_.submit([this, domain, self_signed, departed] {
        auto name = dns::Name::parse(domain);
        const Instant now = ports_.clock.wall();
        sink_(EndpointLook{domain, name.ok() ? fetched(*name, self_signed, departed) : FetchRound{now, now, name.error().to_string(), {}}});
    });
}

void PolicyWorkers::write(const std::string& domain, dns::Type type, const Values& base, const Values& target, Ttl ttl) {
    writes_.submit([this, domain, type, base, target, ttl] { sink_(written(domain, type, base, target, ttl)); });
}

void PolicyWorkers::look_at_mx_host(const std::string& host) {
    mx_hosts_.submit([this, host] {
        auto name = dns::Name::parse(host);
        sink_(MxHostLook{host, name.ok() ? ports_.mx_hosts.trouble_of(*name) : name.error().to_string()});
    });
}

void PolicyWorkers::observe_record(const std::string& name) {
    records_.submit([this, name] {
        auto owner = dns::Name::parse(name);
        const Instant now = ports_.clock.wall();
        sink_(RecordLook{name, owner.ok() ? ports_.policies.observe_rrset(*owner, dns::Type::txt, ports_.zone(*owner)) : RrsetRound{now, now, owner.error().to_string(), {}, {}}});
    });
}

void PolicyWorkers::write_record(const std::string& name, const Values& base, const Values& target, Ttl ttl) {
    writes_.submit([this, name, base, target, ttl] {
        auto owner = dns::Name::parse(name);
        const Status written = owner.ok() ? write_at(*owner, dns::Type::txt, base, target, ttl) : Status(owner.error());
        sink_(RecordWritten{name, written.ok() ? std::nullopt : std::optional(failure_of(written.error()))});
    });
}

void PolicyWorkers::keep_report_record(const std::string& name, const std::vector<std::string>& rua) {
    writes_.submit([this, name, rua] { sink_(report_record(name, rua)); });
}

void PolicyWorkers::look_at_former(const std::string& domain) {
    fetches_.submit([this, domain] { sink_(former(domain)); });
}

// Where somebody else serves a policy at an address, which many may share, the name is in good hands. Ours tells its generation.
FormerLook PolicyWorkers::former(const std::string& domain) {
    FormerLook look{domain, {}, {}, std::nullopt};
    auto name = dns::Name::parse(domain);
    if (!name.ok()) return {domain, name.error().to_string(), {}, std::nullopt};
    const auto addresses = endpoint_addresses(ports_.observer, *name);
    if (!addresses.ok() && addresses.error().code() != ErrorCode::not_found) look.trouble = addresses.error().to_string();
    for (const std::string& address : addresses.ok() ? *addresses : std::vector<std::string>{}) {
        const auto got = fetch_policy(ports_.fetches, *name, address, {.allow_private = ports_.allow_private});
        if (!got.ok() || got->generation) look.addresses.push_back(address);
    }
    DnsObservation seen = ports_.policies.observe(*name, ports_.zone(*name));
    if (look.trouble.empty() && look.addresses.empty()) look.trouble = seen.error; // what leads here is told, whatever the other name does
    look.alias = std::move(seen.txt_alias);
    return look;
}

Status PolicyWorkers::write_at(const dns::Name& owner, dns::Type type, const Values& base, const Values& target, Ttl ttl) {
    auto zone = ports_.zone(owner);
    if (!zone || zone->drivers.empty()) return Error(ErrorCode::not_managed, owner.text() + " is in no zone that a provider is configured for");
    Status last = done();
    for (providers::DnsDriver* driver : zone->drivers)
        if (auto written = write_rrset(*driver, owner, type, base, target, ttl); !written.ok()) last = std::move(written);
    return last;
}

RrsetWritten PolicyWorkers::written(const std::string& domain, dns::Type type, const Values& base, const Values& target, Ttl ttl) {
    auto owner = owner_of(domain, type);
    if (!owner.ok()) return {domain, type, failure_of(owner.error())};
    // Where the name is an alias within what mxseal manages, the record stands at its end.
    if (auto alias = alias_of(*owner)) owner = *alias;
    auto written = write_at(*owner, type, base, target, ttl);
    return {domain, type, written.ok() ? std::nullopt : std::optional(failure_of(written.error()))};
}

void PolicyWorkers::note_alias(const dns::Name& owner, const std::optional<std::string>& alias) {
    std::lock_guard lock(mutex_);
    if (!alias)
        aliases_.erase(owner);
    else if (auto target = dns::Name::parse(*alias); target.ok())
        aliases_[owner] = *target;
}

std::optional<dns::Name> PolicyWorkers::alias_of(const dns::Name& owner) {
    std::lock_guard lock(mutex_);
    auto found = aliases_.find(owner);
    return found == aliases_.end() ? std::nullopt : std::optional(found->second);
}

std::string PolicyWorkers::self_signed_of(const std::string& domain) {
    auto pair = ports_.store.load_pair(domain);
    return pair.ok() && *pair ? pem_of((*pair)->leaf) : std::string();
}

FetchRound PolicyWorkers::fetched(const dns::Name& domain, bool self_signed, const std::vector<std::string>& departed) {
    PolicyFetchOptions options{.allow_private = ports_.allow_private};
    if (self_signed) options.trusted_pem = self_signed_of(domain.text());
    FetchRound round = fetch_round(ports_.fetches, ports_.observer, ports_.clock, domain, options);
    if (!round.error.empty() && !round.nowhere) return round;
    for (const std::string& address : departed) {
        if (std::any_of(round.fetches.begin(), round.fetches.end(), [&](const PolicyFetch& fetch) { return fetch.address == address; })) continue; // it is back
        auto got = fetch_policy(ports_.fetches, domain, address, options);
        PolicyFetch& fetch = round.fetches.emplace_back(PolicyFetch{address, std::nullopt, std::nullopt, {}, true});
        if (got.ok()) {
            fetch.body = std::move(got->body);
            fetch.generation = got->generation;
        } else {
            fetch.detail = got.error().to_string();
        }
    }
    round.finished = ports_.clock.wall();
    return round;
}

ReportRecordLook PolicyWorkers::report_record(const std::string& name, const std::vector<std::string>& rua) {
    ReportRecordLook look{name, {}, false, {}, {}};
    const std::string wanted = report_record_of(rua);
    auto host = dns::Name::parse(name);
    auto owner = host.ok() ? host->prefixed("_smtp._tls") : host;
    if (!owner.ok()) return {name, owner.error().to_string(), false, {}, {}};
    const auto zone = ports_.zone(*owner);
    auto before = ports_.store.get_document("report_record", name);
    const std::string ours_text = before.ok() && *before ? (**before)["text"].as_string().value_or("") : "";
    const std::string being_written = before.ok() && *before ? (**before)["writing"].as_string().value_or("") : "";
    const RrsetRound round = ports_.policies.observe_rrset(*owner, dns::Type::txt, zone);
    // A write that was cut off may or may not have been made: what stands there is ours either way.
    const bool was_written = std::any_of(round.rrset.servers.begin(), round.rrset.servers.end(), [&](const RrsetAnswer& answer) {
        return std::find(answer.values.begin(), answer.values.end(), being_written) != answer.values.end();
    });
    const std::string& before_text = !being_written.empty() && was_written ? being_written : ours_text;
    const auto ours_before = before_text.empty() ? std::nullopt : std::optional(before_text);
    const ReportRecordSeen seen = judge_report_record(round, wanted, ours_before);
    if (seen.state == ReportRecordSeen::State::in_place && ours_text != wanted && being_written == wanted)
        if (auto noted = ports_.store.put_document("report_record", name, Json::object({{"text", wanted}})); !noted.ok()) look.trouble = noted.error().to_string();
    if (seen.state == ReportRecordSeen::State::in_place && !look.trouble.empty()) return look;
    look.trouble = seen.state == ReportRecordSeen::State::in_place ? "" : seen.detail;
    look.foreign = seen.state == ReportRecordSeen::State::foreign;
    const bool may_write = zone && !zone->drivers.empty();
    if (!look.trouble.empty() && !may_write) {
        look.advice = fmt::format("mxseal may not write {}: set the TXT record \"{}\" there", owner->text(), wanted);
        look.record = txt_line(owner->text(), wanted, kReportRecordTtl);
    }
    if (seen.state != ReportRecordSeen::State::missing || !may_write || !round.rrset.primary) return look;
    const auto target = with_report_record(*round.rrset.primary, wanted, ours_before);
    if (!target || *target == *round.rrset.primary) return look;
    // Ours before it stands there, so that it is known as ours whatever becomes of this process.
    if (auto noted = ports_.store.put_document("report_record", name, Json::object({{"text", before_text}, {"writing", wanted}})); !noted.ok()) return look;
    if (round.alias)
        if (auto alias = dns::Name::parse(*round.alias); alias.ok()) owner = *alias;
    for (providers::DnsDriver* driver : zone->drivers)
        if (auto done = write_rrset(*driver, *owner, dns::Type::txt, *round.rrset.primary, *target, kReportRecordTtl); !done.ok()) look.trouble = "it cannot be written: " + done.error().to_string();
    return look;
}

} // namespace mxseal::agent
