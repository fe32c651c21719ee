#include "mta-sts-server/challenges.hpp"
#include "mta-sts-server/key_objects.hpp"

#include <algorithm>

#include <catch2/catch.hpp>
#include <openssl/objects.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

using namespace mxseal;
using namespace mxseal::server;

TEST_CASE("tokens are base64url text") {
    CHECK(is_acme_token("evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr_oA"));
    for (const char* text : {"", "a/b", "a.b", "a=", "a b", "..", "a%20"}) CHECK_FALSE(is_acme_token(text));
    CHECK_FALSE(is_acme_token(std::string(129, 'a')));
}

TEST_CASE("the certificate of tls-alpn-01 has the digest of the key authorization, critical, and its one name") {
    auto made = make_tls_alpn("mta-sts.example.org", "token.thumbprint");
    REQUIRE(made.ok());
    auto reader = ObjectReader::make();
    auto key = reader->key(made->key);
    REQUIRE(key.ok());
    auto certificate = reader->leaf(made->certificate, made->key, key->get());
    REQUIRE(certificate.ok());
    ASN1_OBJECT* type = OBJ_txt2obj("1.3.6.1.5.5.7.1.31", 1);
    const int at = X509_get_ext_by_OBJ(certificate->get(), type, -1);
    ASN1_OBJECT_free(type);
    REQUIRE(at >= 0);
    X509_EXTENSION* extension = X509_get_ext(certificate->get(), at);
    CHECK(X509_EXTENSION_get_critical(extension) == 1);
    const ASN1_OCTET_STRING* value = X509_EXTENSION_get_data(extension);
    const ByteView octets(ASN1_STRING_get0_data(value), static_cast<std::size_t>(ASN1_STRING_length(value)));
    const auto digest = sha256(view_of("token.thumbprint"));
    REQUIRE(octets.size() == 34);
    CHECK(octets[0] == 0x04);
    CHECK(octets[1] == 0x20);
    CHECK(std::equal(digest.begin(), digest.end(), octets.begin() + 2));
    CHECK(X509_check_host(certificate->get(), "mta-sts.example.org", 0, 0, nullptr) == 1);
}
