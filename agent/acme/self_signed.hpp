// SelfSignedAuthority: `certificate: self-signed`. DANE-EE needs no CA (RFC 7671 section 5.1); senders that know only WebPKI do.
#pragma once

#include "agent/acme/authority.hpp"
#include "base/time.hpp"

namespace mxseal::agent {

// Ninety days, as CAs have it, so that renewal is exercised and not a surprise after years (our choice).
inline constexpr Duration kSelfSignedLifetime = std::chrono::hours(24 * 90);

class SelfSignedAuthority final : public CertificateAuthority {
public:
    explicit SelfSignedAuthority(const Clock& clock, Duration lifetime = kSelfSignedLifetime) : clock_(clock), lifetime_(lifetime) {}
    Result<std::string> obtain(const CertificateRequest& request) override;
    Result<std::optional<RenewalInfo>> renewal_info(std::string_view chain_pem) override;
    Result<Instant> server_time() override;

private:
    const Clock& clock_;
    Duration lifetime_;
};

} // namespace mxseal::agent
