// The outside of a SmallWorld: what name servers and addresses show, and what writes and files do to them.
#include "tests/simulation/small_world.hpp"

#include <algorithm>

namespace mxseal::small {

using namespace rotation;
using namespace rotation::tlsa;

Chain chain_of(const SpkiHash& key) {
    Chain chain;
    chain.key = key;
    CertificateFacts facts;
    facts.spki_sha256.assign(key.digest.begin(), key.digest.end());
    facts.certificate_sha256 = facts.spki_sha256;
    facts.certificate_sha256[1] ^= 0xff;
    chain.certificates = {std::move(facts)};
    chain.not_before = Instant{};
    chain.not_after = from_unix_ms(4'000'000'000'000);
    chain.self_signed = chain.names_host = chain.links = true;
    return chain;
}

DnsObservation SmallWorld::observe(std::size_t number) const {
    const SmallHost& host = hosts_[number];
    DnsObservation seen;
    seen.started = seen.finished = now_;
    seen.address_security = Security::secure;
    OwnerObservation owner;
    for (const auto& [records, server] : {std::pair(host.primary, 0), std::pair(host.secondary, 1)}) {
        ServerAnswer answer;
        answer.kind = records.empty() ? ServerAnswer::Kind::denied : ServerAnswer::Kind::records;
        answer.server = server == 0 ? "ns1.example.net" : "ns2.example.net";
        answer.address = server == 0 ? "192.0.2.1" : "192.0.2.2";
        answer.records = records;
        answer.ttl = kTtl;
        owner.servers.push_back(std::move(answer));
    }
    owner.primary = host.primary;
    owner.primary_ttl = kTtl;
    owner.ns_ttl = kTtl;
    seen.owners.push_back(std::move(owner));
    return seen;
}

ProbeRound SmallWorld::probe(std::size_t number) const {
    const SmallHost& host = hosts_[number];
    ProbeRound round;
    round.started = round.finished = now_;
    for (std::size_t address = 0; address < host.serving.size(); ++address)
        for (auto sni : {EndpointProbe::Sni::base, EndpointProbe::Sni::none, EndpointProbe::Sni::other}) {
            EndpointProbe each;
            each.address = address == 0 ? "198.51.100.1" : "198.51.100.2";
            each.sni = sni;
            if (address == 1 && host.gone) {
                each.failure = EndpointProbe::Failure::unreachable;
                each.detail = "no connection";
            } else {
                each.chain = chain_of(host.serving[address]);
            }
            round.endpoints.push_back(std::move(each));
        }
    return round;
}

void SmallWorld::answer_dns(std::size_t number, DnsObservation seen) {
    for (const ServerAnswer& answer : seen.owners.front().servers)
        for (HandedOut& version : hosts_[number].handed_out)
            if (version.records == answer.records) version.shown = true;
    give(number, Observed{std::move(seen)});
}

void SmallWorld::answer_wire(std::size_t number, ProbeRound seen) {
    SmallHost& host = hosts_[number];
    host.gone_shown = host.gone && std::any_of(seen.endpoints.begin(), seen.endpoints.end(), [](const EndpointProbe& each) { return each.failure != EndpointProbe::Failure::none; });
    give(number, Probed{std::move(seen)});
}

void SmallWorld::hand_out(std::size_t number, const dns::TlsaSet& records, bool foreign) {
    auto& all = hosts_[number].handed_out;
    const auto known = std::find_if(all.begin(), all.end(), [&](const HandedOut& each) { return each.records == records && each.last == kStill; });
    if (known == all.end()) all.push_back({records, kStill, foreign, false, now_, order_});
}

void SmallWorld::stop_handing_out(std::size_t number, const dns::TlsaSet& records) {
    SmallHost& host = hosts_[number];
    if (host.primary == records || host.secondary == records) return;
    for (HandedOut& each : host.handed_out)
        if (each.records == records && each.last == kStill) each.last = now_;
}

void SmallWorld::set_secondary(std::size_t number, const dns::TlsaSet& records, bool foreign) {
    SmallHost& host = hosts_[number];
    const dns::TlsaSet old = std::exchange(host.secondary, records);
    if (old == records) return;
    hand_out(number, records, foreign);
    stop_handing_out(number, old);
}

bool SmallWorld::write_now(std::size_t number, const WriteTlsa& write) {
    SmallHost& host = hosts_[number];
    if (host.primary != write.base) return false;
    judge_version(number, write.base, write.target, "a change of the TLSA RRset");
    host.before = host.primary;
    host.primary = write.target;
    hand_out(number, write.target, false);
    stop_handing_out(number, write.base);
    if (!host.lags) set_secondary(number, host.primary, false);
    return true;
}

void SmallWorld::put_file(std::size_t number, const Deploy& deploy) {
    SmallHost& host = hosts_[number];
    const SpkiHash key = deploy.keys.front();
    if (key != host.file) judge_keys(number, key, host.deploy_order, "a deployment");
    host.file = key;
}

} // namespace mxseal::small
