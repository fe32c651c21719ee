#include "tests/conformance/provider_world.hpp"

namespace mxseal::conformance {

dns::Name ProviderWorld::fresh_owner() { return apex_.prefixed("_25._tcp.h" + std::to_string(++owners_)).value(); }

} // namespace mxseal::conformance
