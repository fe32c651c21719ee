// Pairs as clients leave them.
#pragma once

#include "agent/keys/client_pair.hpp"
#include "tests/temporary_folder.hpp"
#include "tests/unit/keys/certified_key.hpp"

#include <string>

#include <catch2/catch.hpp>

namespace mxseal::agent::testing {

// One client: a CA, and the key that it uses.
struct ClientOfTests : CertifiedKey {
    std::string key_pem() const {
        const Secret pem = key.to_pem();
        return {reinterpret_cast<const char*>(pem.reveal().data()), pem.reveal().size()};
    }
    ClientPair pair(std::vector<std::string> names = {"mx1.example.org"}) const { return check_client_pair(std::optional<Secret>(key.to_pem()), chain(std::move(names)), kNow).value(); }
};

} // namespace mxseal::agent::testing
