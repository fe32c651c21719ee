// DomainState (rotation/mta_sts) as a JSON document of the store, and back. The document carries a version; one written by a newer
// mxseal is refused.
#pragma once

#include "base/json.hpp"
#include "base/result.hpp"
#include "rotation/mta_sts/shared.hpp"

#include <string>

namespace mxseal::agent {

// JSON text. What is learned again after each start is not in it. `clock`: TimeKeeper::fact(), by which whoever reads it finds a step of the
// clock that came later; null: not written.
std::string to_policy_document(const rotation::mta_sts::DomainState& state, const Json& clock = {});
// `invalid` names the field that does not fit.
Result<rotation::mta_sts::DomainState> from_policy_document(const Json& document);

// As above, of the record that many domains share.
Json to_shared_document(const rotation::mta_sts::SharedState& state, const Json& clock = {});
Result<rotation::mta_sts::SharedState> from_shared_document(const Json& document);

} // namespace mxseal::agent
