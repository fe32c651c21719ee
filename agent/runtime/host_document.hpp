// HostState as a JSON document of the store, and back. The document carries a version; one written by a newer mxseal is refused.
#pragma once

#include "base/json.hpp"
#include "base/result.hpp"
#include "rotation/tlsa/state.hpp"

namespace mxseal::agent {

Json to_document(const rotation::tlsa::HostState& state);
// `invalid` names the field that does not fit.
Result<rotation::tlsa::HostState> from_document(const Json& document);

Json reason_to_json(const rotation::tlsa::Reason& reason);
rotation::tlsa::Reason reason_from_json(const Json& json);

} // namespace mxseal::agent
