#include "base/dns/txt.hpp"

#include <catch2/catch.hpp>

using namespace mxseal;
using namespace mxseal::dns;

TEST_CASE("a text is split after each 255 octets") {
    CHECK(txt_rdata("ab") == Bytes{2, 'a', 'b'});
    CHECK(txt_rdata("") == Bytes{0});
    CHECK(txt_rdata(std::string(255, 'x')).size() == 256);
    auto two = txt_rdata(std::string(256, 'x'));
    CHECK(two.size() == 258);
    CHECK(two[0] == 255);
    CHECK(two[256] == 1);
}

TEST_CASE("every length of text comes back as it went") {
    for (std::size_t size : {0u, 1u, 254u, 255u, 256u, 510u, 511u, 4000u}) {
        std::string text(size, 'x');
        if (size > 0) text[size / 2] = '\0';
        CHECK(txt_text(txt_rdata(text)).value() == text);
    }
}

TEST_CASE("strings are joined without anything between them") {
    Bytes rdata{4, 'v', '=', 'S', 'T', 0, 3, 'S', 'v', '1'};
    CHECK(txt_strings(rdata).value() == std::vector<std::string>{"v=ST", "", "Sv1"});
    CHECK(txt_text(rdata).value() == "v=STSv1");
}

TEST_CASE("rdata whose lengths do not fit is refused") {
    for (const Bytes& rdata : {Bytes{}, Bytes{1}, Bytes{2, 'a'}, Bytes{1, 'a', 5, 'b'}}) {
        CHECK(txt_strings(rdata).error().code() == ErrorCode::protocol);
        CHECK_FALSE(txt_text(rdata).ok());
    }
}
