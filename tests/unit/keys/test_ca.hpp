// A small CA for tests: a root, and whatever it is told to sign.
#pragma once

#include "agent/keys/certificates.hpp"
#include "agent/keys/openssl.hpp"

#include <string>
#include <vector>

namespace mxseal::agent::testing {

struct Wish {
    std::vector<std::string> names;  // DNS names, put in as they are
    std::string common_name = "leaf";
    std::string other_names;         // "IP:192.0.2.1"
    Instant from{}, to{};
    bool is_ca = false;
    std::string authority_key{}; // hex; empty: no authority key identifier
    std::string serial{};        // hex; empty: 7
};

// A certificate over the public half of `key`, signed by `issuer`; without an issuer by itself.
struct Issuer {
    x509_st* certificate;
    evp_pkey_st* key;
};
openssl::Certificate sign(evp_pkey_st* key, const Wish& wish, const Issuer* issuer);

class TestCa {
public:
    explicit TestCa(Instant from, Instant to);
    std::string issue(evp_pkey_st* key, Wish wish) const; // PEM of the leaf alone
    std::string root_pem() const { return openssl::pem_of(certificate_.get()); }

private:
    PrivateKey key_ = PrivateKey::generate(rotation::Algorithm::ecdsa_p256).value();
    openssl::Certificate certificate_;
};

Instant at(const char* text);
std::vector<dns::Name> names(std::initializer_list<const char*> texts);

} // namespace mxseal::agent::testing
