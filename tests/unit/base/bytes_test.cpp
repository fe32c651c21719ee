#include "base/bytes.hpp"
#include "base/dns/tlsa.hpp"
#include "base/secret.hpp"

#include <catch2/catch.hpp>

using namespace mxseal;

TEST_CASE("hexadecimal goes both ways, odd lengths and other characters are refused") {
    CHECK(to_hex(*from_hex("00fFa1")) == "00ffa1");
    CHECK_FALSE(from_hex("abc").ok());
    CHECK_FALSE(from_hex("zz").ok());
}

TEST_CASE("base64url is without padding and takes no other alphabet") {
    CHECK(to_base64url(view_of("\xfb\xff\xfe")) == "-__-");
    CHECK(to_text(*from_base64url("bXhzZWFs")) == "mxseal");
    CHECK_FALSE(from_base64url("bXhzZWFs=").ok());
    CHECK_FALSE(from_base64url("a").ok());
    CHECK(to_text(*from_base64("bXg=\n")) == "mx");
}

TEST_CASE("a secret compares by content and its copy is asked for by name") {
    const Secret secret("open sesame");
    CHECK(secret.equals(view_of("open sesame")));
    CHECK_FALSE(secret.equals(view_of("open sesam")));
    CHECK(secret.clone().equals(secret.reveal()));
}

TEST_CASE("TLSA records compare on their wire form, whatever their text looked like") {
    CHECK(*dns::TlsaRecord::parse("3 1 1 ABCD ef01") == *dns::TlsaRecord::parse("3 1 1 abcdef01"));
    CHECK(dns::TlsaRecord::from_wire(dns::TlsaRecord{3, 1, 1, {1, 2}}.wire())->to_string() == "3 1 1 0102");
    CHECK_FALSE(dns::TlsaRecord::from_wire(Bytes{3, 1}).ok());
    const dns::TlsaSet set({*dns::TlsaRecord::parse("3 1 1 02"), *dns::TlsaRecord::parse("3 1 1 01"), *dns::TlsaRecord::parse("3 1 1 02")});
    CHECK(set.size() == 2);
    CHECK(set.without(dns::TlsaSet({*dns::TlsaRecord::parse("3 1 1 01")})).size() == 1);
}
