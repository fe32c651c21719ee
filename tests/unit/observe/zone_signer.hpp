// Signs a zone in memory with times and chains of our choice (ldns), so that tests can have expired, early, wrong and right ones.
#pragma once

#include "base/dns/name.hpp"
#include "base/time.hpp"

#include <memory>
#include <string>

namespace mxseal::observe_test {

enum class Chain { nsec, nsec3, nsec3_opt_out, nsec3_many_iterations };

struct Signing {
    Instant inception, expiration;
    Chain chain = Chain::nsec;
};

// One ECDSA P-256 key that signs everything.
class ZoneKey {
public:
    explicit ZoneKey(const dns::Name& zone);
    ~ZoneKey();
    ZoneKey(ZoneKey&&) noexcept;
    std::string ds() const;     // "example.test. 3600 IN DS ..."
    std::string dnskey() const; // "example.test. 3600 IN DNSKEY ..."
    // `text` in zone file form with absolute names; the signed zone in the same form.
    std::string sign(const std::string& text, const Signing& signing) const;

private:
    struct Inside;
    std::unique_ptr<Inside> inside_;
};

} // namespace mxseal::observe_test
