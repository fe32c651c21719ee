// RFC 9773: asking a CA when it wants a certificate renewed. Which answers count, and when it is asked again, rotation/tlsa/renewal.cpp decides.
#pragma once

#include "agent/acme/acme_session.hpp"
#include "agent/acme/authority.hpp"

#include <optional>
#include <string>

namespace mxseal::agent {

// `id`: renewal_id() of the certificate. Absent: the CA's directory names no renewalInfo. Not found, rate limited and the like are errors with the
// CA's Retry-After; `protocol`: an answer without two readable instants.
Result<std::optional<RenewalInfo>> read_renewal_info(AcmeSession& session, const std::string& id);

} // namespace mxseal::agent
