// Chains and combined files: what CAs deliver and operators hand over.
#include "agent/keys/certificates.hpp"
#include "agent/keys/key_bundle.hpp"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace mxseal;
    static const auto host = dns::Name::parse("mx1.example.org").value();
    static const auto key = agent::PrivateKey::generate(rotation::Algorithm::ecdsa_p256).value();
    Instant now = from_unix_ms(1'795'348'800'000);
    auto chain = agent::read_chain({data, size}, host, now);
    if (chain && chain->certificates.empty()) std::abort();
    // Nobody but us has this key.
    if (agent::check_issued({reinterpret_cast<const char*>(data), size}, key, {host}, now)) std::abort();
    auto pairs = agent::split_bundle(Secret(Bytes(data, data + size)));
    if (pairs && !agent::split_bundle(agent::join_bundle(*pairs))) std::abort();
    return 0;
}
