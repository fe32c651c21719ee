#include "agent/acme/self_signed.hpp"

#include "agent/keys/certificates.hpp"

namespace mxseal::agent {

Result<std::string> SelfSignedAuthority::obtain(const CertificateRequest& request) {
    Instant now = clock_.wall();
    auto pem = make_self_signed(request.key, request.names, now, lifetime_);
    if (!pem) return pem;
    if (auto checked = check_issued(*pem, request.key, request.names, now); !checked) return std::move(checked).error();
    return pem;
}

Result<std::optional<RenewalInfo>> SelfSignedAuthority::renewal_info(std::string_view) { return std::optional<RenewalInfo>(); }

Result<Instant> SelfSignedAuthority::server_time() { return Error(ErrorCode::unsupported, "a self-signed certificate comes with no second clock"); }

} // namespace mxseal::agent
