#include "tests/conformance/provider_world.hpp"

#include "providers/rfc2136/rfc2136_driver.hpp"

#include <filesystem>
#include <iostream>
#include <stdexcept>

namespace mxseal::conformance {

namespace {

constexpr const char* kZoneFile = R"($ORIGIN example.test.
$TTL 300
@ SOA ns hostmaster 1 3600 600 86400 300
@ NS ns
ns A 127.0.0.1
sub NS ns.elsewhere.test.
*.wild TXT "made from a wildcard"
*.alias CNAME ns
)";

constexpr const char* kUnsignedZoneFile = R"($ORIGIN unsigned.test.
$TTL 300
@ SOA ns hostmaster 1 3600 600 86400 300
@ NS ns
ns A 127.0.0.1
*.wild TXT "made from a wildcard"
real.wild TXT "stands there"
*.alias CNAME ns
real.alias CNAME ns.elsewhere.test.
deep DNAME elsewhere.test.
)";

} // namespace

PrimaryWorld::PrimaryWorld() {
    folder_.write("example.test.zone", kZoneFile);
    folder_.write("unsigned.test.zone", kUnsignedZoneFile);
}

void PrimaryWorld::start(const std::vector<std::string>& command) {
    server_ = std::make_unique<ChildProcess>(command, folder_ / "log");
    driver_ = driver_at({primary()}, key(), clock_);
    for (int i = 0; i < 200; ++i) { // a loaded machine signs slowly
        const auto answer = dns::exchange(primary(), {apex_, dns::Type::soa});
        if (answer.ok() && !answer->answer.empty()) return; // it answers before it has read its zones
        pause_ms(100);
    }
    throw std::runtime_error(command.front() + " does not answer with " + apex_.text());
}

dns::TsigKey PrimaryWorld::key() const { return dns::TsigKey::make("mxseal", "hmac-sha256", Secret(std::string_view(kTsigSecret))).value(); }

bool is_installed(const char* program, const char* product) {
    if (std::filesystem::exists(program)) return true;
    std::cout << "LEFT OUT: " << program << " is not installed, so nothing was tried against " << product << "\n";
    return false;
}

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
