#include "agent/keys/certificates.hpp"

#include "tests/unit/keys/certified_key.hpp"

#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>

#include <catch2/catch.hpp>

namespace mxseal::agent::testing {

namespace {

struct World : CertifiedKey {
    dns::Name host = dns::Name::parse("mx1.example.org").value();

    Wish wish(std::vector<std::string> wanted = {"mx1.example.org"}) const { return {std::move(wanted), "leaf", "", kFrom, kTo, false}; }
    Result<rotation::Chain> read(const std::string& pem, Instant now = kNow) const { return read_chain(view_of(pem), host, now); }
    Result<rotation::Chain> check(const std::string& pem, std::vector<dns::Name> wanted = names({"mx1.example.org"}), Instant now = kNow) const {
        return check_issued(pem, key, wanted, now);
    }
};

} // namespace

TEST_CASE("a chain is read with its key, its dates and what TLSA records compare") {
    World world;
    auto chain = world.read(world.leaf() + world.ca.root_pem());
    REQUIRE(chain);
    CHECK(chain->key == world.key.spki());
    CHECK(chain->algorithm == rotation::Algorithm::ecdsa_p256);
    CHECK(chain->not_before == kFrom);
    CHECK(chain->not_after == kTo);
    CHECK(chain->links);
    CHECK(chain->names_host);
    CHECK_FALSE(chain->self_signed);
    REQUIRE(chain->certificates.size() == 2);
    CHECK(to_hex(chain->certificates[0].spki_sha256) == world.key.spki().hex());
    CHECK(chain->certificates[0].spki_sha512.size() == 64);
    CHECK(chain->certificates[0].certificate_sha256 != chain->certificates[1].certificate_sha256);
}

TEST_CASE("a chain in the wrong order, or out of its dates, does not link") {
    World world;
    CHECK_FALSE(world.read(world.ca.root_pem() + world.leaf())->links);
    CHECK_FALSE(world.read(world.leaf() + TestCa(kFrom, kTo).root_pem())->links);
    CHECK_FALSE(world.read(world.leaf() + world.ca.root_pem(), kTo + std::chrono::seconds(1))->links);
    CHECK_FALSE(world.read(world.leaf() + world.ca.root_pem(), kFrom - std::chrono::seconds(1))->links);
    CHECK(world.read(world.leaf())->links);
}

TEST_CASE("a host is named by a DNS name or a whole wildcard label, not by a common name") {
    World world;
    auto named = [&](std::vector<std::string> wanted, std::string common_name) {
        Wish wish = world.wish(std::move(wanted));
        wish.common_name = std::move(common_name);
        return world.read(world.ca.issue(world.key.get(), wish))->names_host;
    };
    CHECK(named({"MX1.example.ORG"}, "leaf"));
    CHECK(named({"*.example.org"}, "leaf"));
    CHECK_FALSE(named({"mx*.example.org"}, "leaf"));
    CHECK_FALSE(named({"example.org"}, "leaf"));
    CHECK_FALSE(named({}, "mx1.example.org"));
}

TEST_CASE("private keys and words in a file are no certificates, and a file without any is refused") {
    World world;
    std::string combined = "a comment\n" + to_text(world.key.to_pem().reveal()) + world.leaf();
    REQUIRE(world.read(combined));
    CHECK(world.read(combined)->certificates.size() == 1);
    CHECK_FALSE(world.read(""));
    CHECK_FALSE(world.read("no certificate"));
    std::string broken = world.leaf();
    broken.replace(std::string_view("-----BEGIN CERTIFICATE-----\n").size(), 4, "AAAA");
    CHECK_FALSE(world.read(broken));
    CHECK_FALSE(world.read(world.leaf() + "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"));
}

TEST_CASE("more than ten certificates are no chain") {
    World world;
    std::string pem;
    for (int i = 0; i < 10; ++i) pem += world.leaf();
    CHECK(world.read(pem));
    CHECK_FALSE(world.read(pem + world.leaf()));
}

TEST_CASE("a handshake without a certificate is an error, a leaf without its list a chain of one") {
    World world;
    CHECK_FALSE(facts_of(nullptr, nullptr, world.host, kNow));
    auto leaf = sign(world.key.get(), world.wish(), nullptr);
    auto chain = facts_of(leaf.get(), nullptr, world.host, kNow);
    REQUIRE(chain);
    CHECK(chain->certificates.size() == 1);
    CHECK(chain->self_signed);
}

TEST_CASE("what a CA delivers is for our key") {
    World world;
    CHECK(world.check(world.leaf() + world.ca.root_pem()));
    auto other = PrivateKey::generate(rotation::Algorithm::ecdsa_p256).value();
    auto refused = world.check(world.ca.issue(other.get(), world.wish()));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().message() == "the certificate is for the key " + other.spki().hex() + ", not for " + world.key.spki().hex() + " that was sent; it must not be used");
}

TEST_CASE("what a CA delivers is for our names, all of them and no others") {
    World world;
    auto pem = [&](std::vector<std::string> wanted, std::string other = "") {
        Wish wish = world.wish(std::move(wanted));
        wish.other_names = std::move(other);
        return world.ca.issue(world.key.get(), wish);
    };
    auto both = names({"mx1.example.org", "mx2.example.org"});
    CHECK(world.check(pem({"mx2.example.org", "MX1.example.org"}), both));
    CHECK_FALSE(world.check(pem({"mx1.example.org"}), both));
    CHECK_FALSE(world.check(pem({"mx1.example.org", "mx2.example.org", "mx3.example.org"}), both));
    CHECK_FALSE(world.check(pem({"mx1.example.org"}, "IP:192.0.2.1")));
    CHECK_FALSE(world.check(pem({"*.example.org"})));
    CHECK_FALSE(world.check(pem({})));
}

TEST_CASE("what a CA delivers is one chain, in order, with nothing else in it") {
    World world;
    CHECK_FALSE(world.check(world.leaf() + world.leaf()));
    CHECK_FALSE(world.check(world.leaf() + TestCa(kFrom, kTo).root_pem()));
    CHECK_FALSE(world.check(world.ca.root_pem() + world.leaf()));
    CHECK_FALSE(world.check(world.leaf() + to_text(world.key.to_pem().reveal())));
    CHECK_FALSE(world.check(""));
}

TEST_CASE("what a CA delivers has begun, up to five minutes of clock, and has not ended") {
    World world;
    auto wanted = names({"mx1.example.org"});
    CHECK(world.check(world.leaf(), wanted, kFrom - std::chrono::minutes(5)));
    auto early = world.check(world.leaf(), wanted, kFrom - std::chrono::minutes(5) - std::chrono::seconds(1));
    REQUIRE_FALSE(early);
    CHECK(early.error().code() == ErrorCode::clock_skew);
    CHECK_FALSE(world.check(world.leaf(), wanted, kTo));
}

TEST_CASE("a signing request has the names, no common name and no must-staple") {
    World world;
    auto der = make_csr(world.key, names({"mx1.example.org", "mx1.example.net"}));
    REQUIRE(der);
    const unsigned char* start = der->data();
    openssl::SigningRequest request(d2i_X509_REQ(nullptr, &start, static_cast<long>(der->size())));
    REQUIRE(request);
    CHECK(X509_REQ_verify(request.get(), world.key.get()) == 1);
    CHECK(X509_NAME_entry_count(X509_REQ_get_subject_name(request.get())) == 0);
    STACK_OF(X509_EXTENSION)* extensions = X509_REQ_get_extensions(request.get());
    CHECK(sk_X509_EXTENSION_num(extensions) == 1);
    CHECK(X509v3_get_ext_by_NID(extensions, NID_subject_alt_name, -1) == 0);
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
    CHECK_FALSE(make_csr(world.key, {}));
}

TEST_CASE("a signing request for clients of others has the first name as common name, unless it is too long for one") {
    World world;
    auto common_name = [&](const std::string& host) {
        auto pem = make_csr_pem(world.key, names({host.c_str(), "mx1.example.net"}));
        REQUIRE(pem);
        openssl::Bio in(BIO_new_mem_buf(pem->data(), static_cast<int>(pem->size())));
        openssl::SigningRequest request(PEM_read_bio_X509_REQ(in.get(), nullptr, nullptr, nullptr));
        REQUIRE(request);
        CHECK(X509_REQ_verify(request.get(), world.key.get()) == 1);
        char text[256] = {};
        X509_NAME_get_text_by_NID(X509_REQ_get_subject_name(request.get()), NID_commonName, text, sizeof text);
        return std::string(text);
    };
    CHECK(common_name("mx1.example.org") == "mx1.example.org");
    const std::string exactly_64 = std::string(52, 'a') + ".example.org";
    CHECK(common_name(exactly_64) == exactly_64);
    CHECK(common_name("b" + exactly_64) == "");
}

TEST_CASE("a self-signed leaf serves both algorithms, from an hour ago") {
    for (auto algorithm : {rotation::Algorithm::ecdsa_p256, rotation::Algorithm::rsa_2048}) {
        auto key = PrivateKey::generate(algorithm).value();
        auto pem = make_self_signed(key, names({"mx1.example.org"}), kNow, std::chrono::hours(24));
        REQUIRE(pem);
        auto chain = check_issued(*pem, key, names({"mx1.example.org"}), kNow);
        REQUIRE(chain);
        CHECK(chain->self_signed);
        CHECK(chain->names_host);
        CHECK(chain->links);
        CHECK(chain->not_before == kNow - std::chrono::hours(1));
        CHECK(chain->not_after == kNow + std::chrono::hours(24));
    }
}

TEST_CASE("a name of the longest kind has a certificate too") {
    auto key = PrivateKey::generate(rotation::Algorithm::ecdsa_p256).value();
    std::string label(63, 'a');
    auto name = dns::Name::parse(label + "." + label + "." + label + ".example.org").value();
    CHECK(make_self_signed(key, {name}, kNow, std::chrono::hours(24)));
    CHECK(make_csr(key, {name}));
}

} // namespace mxseal::agent::testing
