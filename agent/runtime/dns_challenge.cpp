#include "agent/runtime/dns_challenge.hpp"

#include "base/dns/txt.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace mxseal::agent {

namespace {

// Our choice: a secondary without NOTIFY may take its SOA REFRESH; ten minutes of it are waited here, then the order is tried again.
constexpr int kPollsMax = 120;
constexpr Duration kFirstPoll{250};
constexpr Duration kLongestPoll = std::chrono::seconds(5);
constexpr Ttl kChallengeTtl{60};

// All providers of the zone, one after the other.
Status write_everywhere(const ObservationTarget& target, const dns::Name& owner, providers::Operation operation) {
    for (providers::DnsDriver* driver : target.drivers) {
        auto zone = driver->find_zone(owner);
        if (!zone.ok()) return std::move(zone).error().in_context("finding the zone of " + owner.text());
        auto ticket = driver->apply(*zone, {providers::Change{owner, dns::Type::txt, operation, providers::Any{}}});
        if (!ticket.ok()) return std::move(ticket).error().in_context("writing TXT at " + owner.text());
    }
    return done();
}

} // namespace

Status DnsChallengePublisher::publish(const dns::Name& name, const std::string& value) {
    auto target = target_of_(name);
    if (!target.ok()) return std::move(target).error();
    auto owner = name.prefixed("_acme-challenge");
    if (!owner.ok()) return std::move(owner).error();
    // RFC 8555 section 8.4 (E-17): other values at the name stay.
    if (auto written = write_everywhere(*target, *owner, providers::Add{{dns::txt_rdata(value)}, kChallengeTtl}); !written.ok()) return written;
    Duration pause = kFirstPoll;
    for (int poll = 0; poll < kPollsMax; ++poll) {
        auto everywhere = observer_.txt_is_everywhere(*target, *owner, value);
        if (everywhere.ok() && *everywhere) return done();
        if (!sleeper_.sleep(pause)) return Error(ErrorCode::transient, "stopped while waiting for the challenge to reach every name server", Retry::transient());
        pause = std::min(pause * 3 / 2, kLongestPoll);
    }
    return Error(ErrorCode::not_published, fmt::format("TXT {} is not on every name server after ten minutes; see that the secondaries take the zone over", owner->text()),
                 Retry::transient());
}

Status DnsChallengePublisher::remove(const dns::Name& name, const std::string& value) {
    auto target = target_of_(name);
    if (!target.ok()) return std::move(target).error();
    auto owner = name.prefixed("_acme-challenge");
    if (!owner.ok()) return std::move(owner).error();
    return write_everywhere(*target, *owner, providers::Remove{{dns::txt_rdata(value)}});
}

} // namespace mxseal::agent
