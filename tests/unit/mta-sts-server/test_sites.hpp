// Sites for tests: P-256 certificates of a CA made for the occasion.
#pragma once

#include "mta-sts-server/key_objects.hpp"
#include "mta-sts-server/site.hpp"
#include "tests/temporary_folder.hpp"

#include <filesystem>
#include <memory>
#include <string>

namespace mxseal::server::testing {

class TestSites {
public:
    TestSites();
    // With one issuer between leaf and root, as public CAs have it.
    Site make(const std::string& name, const std::string& policy) const;
    std::string ca_pem() const;      // the root
    std::string key_pem(const Site& site) const;
    std::string chain_pem(const Site& site) const;

private:
    KeyHandle root_key_, issuer_key_;
    CertificateHandle root_, issuer_;
};

std::string policy_of(const std::string& domain); // mode: enforce, one mx

// Written with the real writer; throws when that fails.
void write_snapshot(const std::filesystem::path& file, std::uint64_t generation, const std::vector<const Site*>& sites);

} // namespace mxseal::server::testing
