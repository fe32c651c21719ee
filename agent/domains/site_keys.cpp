#include "agent/domains/site_keys.hpp"

#include "mta-sts-server/key_objects.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace mxseal::agent {

namespace {

constexpr std::size_t kScalarSize = 32;

// A sealed key opens in its own place only.
std::string context_of(const std::string& domain) { return "endpoint key of mta-sts." + domain; }

} // namespace

Result<Bytes> SiteKeys::seal(const PrivateKey& key, const std::string& domain) const {
    auto pair = server::key_pair_of(key.get());
    if (!pair.ok()) return std::move(pair).error();
    const ByteView scalar = pair->scalar.reveal();
    Bytes octets(scalar.begin(), scalar.end());
    octets.insert(octets.end(), pair->point.begin(), pair->point.end());
    const Secret plain(std::move(octets));
    return sealer_.seal(plain.reveal(), context_of(domain));
}

Result<server::KeyPair> SiteKeys::open(ByteView sealed, const std::string& domain) const {
    auto plain = sealer_.open(sealed, context_of(domain));
    if (!plain.ok()) return std::move(plain).error().in_context("the key of mta-sts." + domain);
    const ByteView octets = plain->reveal();
    server::KeyPair pair;
    if (octets.size() != kScalarSize + pair.point.size()) return Error(ErrorCode::invalid, fmt::format("the stored key of mta-sts.{} has {} octets", domain, octets.size()));
    pair.scalar = Secret(Bytes(octets.begin(), octets.begin() + kScalarSize));
    std::copy(octets.begin() + kScalarSize, octets.end(), pair.point.begin());
    return pair;
}

} // namespace mxseal::agent
