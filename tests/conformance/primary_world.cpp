#include "tests/conformance/provider_world.hpp"

#include "providers/rfc2136/rfc2136_driver.hpp"

#include <stdexcept>

namespace mxseal::conformance {

std::unique_ptr<providers::DnsDriver> PrimaryWorld::driver_at(std::vector<dns::Endpoint> servers, dns::TsigKey key, const Clock& clock) const {
    return providers::make_rfc2136_driver({std::move(servers), std::move(key)}, clock).value();
}

void PrimaryWorld::put(const providers::Rrset& rrset) {
    auto done = driver().apply(zone(), {{rrset.owner, rrset.type, providers::Replace{rrset.values, rrset.ttl}}});
    if (!done.ok()) throw std::runtime_error("the foreign hand cannot write: " + done.error().to_string());
}

std::uint64_t PrimaryWorld::serial() {
    dns::QueryOptions tcp;
    tcp.udp_tries = 0;
    auto answer = dns::exchange(primary(), {zone().apex, dns::Type::soa}, tcp);
    if (!answer.ok() || answer->answer.empty()) throw std::runtime_error("no SOA");
    const Bytes& rdata = answer->answer.front().rdata;
    // RFC 1035 section 3.3.13: the serial is the first of five 32-bit numbers at the end.
    std::uint64_t serial = 0;
    for (std::size_t i = rdata.size() - 20; i < rdata.size() - 16; ++i) serial = serial << 8 | rdata[i];
    return serial;
}

} // namespace mxseal::conformance
