// A key with a CA of its own, which certifies it, and the instants that its certificates know.
#pragma once

#include "tests/unit/keys/test_ca.hpp"

#include <string>
#include <vector>

namespace mxseal::agent::testing {

inline const Instant kNow = at("2026-11-22T12:00:00Z");
inline const Instant kFrom = at("2026-11-01T00:00:00Z");
inline const Instant kTo = at("2027-01-30T00:00:00Z");

struct CertifiedKey {
    TestCa ca{at("2025-01-01T00:00:00Z"), at("2028-01-30T00:00:00Z")};
    PrivateKey key = PrivateKey::generate(rotation::Algorithm::ecdsa_p256).value();

    std::string leaf(std::vector<std::string> names = {"mx1.example.org"}, Instant from = kFrom, Instant to = kTo) const {
        return ca.issue(key.get(), {std::move(names), "leaf", "", from, to, false});
    }
    std::string chain(std::vector<std::string> names = {"mx1.example.org"}) const { return leaf(std::move(names)) + ca.root_pem(); }
};

} // namespace mxseal::agent::testing
