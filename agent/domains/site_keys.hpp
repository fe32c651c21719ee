// The keys of the endpoint's names: sealed under a key of their own (G-02), bound to their name. Any thread.
#pragma once

#include "agent/keys/private_key.hpp"
#include "agent/keys/sealer.hpp"
#include "mta-sts-server/site.hpp"

#include <string>

namespace mxseal::agent {

class SiteKeys {
public:
    explicit SiteKeys(const Sealer& sealer) : sealer_(sealer) {}

    // The raw numbers of a P-256 key, sealed; `unsupported`: another kind of key.
    Result<Bytes> seal(const PrivateKey& key, const std::string& domain) const;
    // `invalid`: of another domain, sealed under another key, or damaged.
    Result<server::KeyPair> open(ByteView sealed, const std::string& domain) const;

private:
    const Sealer& sealer_;
};

} // namespace mxseal::agent
