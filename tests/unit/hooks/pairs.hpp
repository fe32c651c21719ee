// Pairs as clients leave them.
#pragma once

#include "agent/keys/client_pair.hpp"
#include "tests/temporary_folder.hpp"
#include "tests/unit/keys/test_ca.hpp"

#include <string>

#include <catch2/catch.hpp>

namespace mxseal::agent::testing {

inline const Instant kNow = at("2026-11-22T12:00:00Z");

// One client: a CA, and the key that it uses.
struct ClientOfTests {
    TestCa ca{at("2025-01-01T00:00:00Z"), at("2028-01-01T00:00:00Z")};
    PrivateKey key = PrivateKey::generate(rotation::Algorithm::ecdsa_p256).value();

    std::string leaf(std::vector<std::string> names = {"mx1.example.org"}, Instant from = at("2026-11-01T00:00:00Z"), Instant to = at("2027-01-30T00:00:00Z")) const {
        return ca.issue(key.get(), {std::move(names), "leaf", "", from, to, false});
    }
    std::string chain(std::vector<std::string> names = {"mx1.example.org"}) const { return leaf(std::move(names)) + ca.root_pem(); }
    std::string key_pem() const {
        const Secret pem = key.to_pem();
        return {reinterpret_cast<const char*>(pem.reveal().data()), pem.reveal().size()};
    }
    ClientPair pair(std::vector<std::string> names = {"mx1.example.org"}) const { return check_client_pair(std::optional<Secret>(key.to_pem()), chain(std::move(names)), kNow).value(); }
};

} // namespace mxseal::agent::testing
