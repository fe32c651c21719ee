#include "agent/keys/sealer.hpp"

#include "tests/temporary_folder.hpp"

#include <sys/stat.h>

#include <fstream>
#include <set>
#include <string>

#include <catch2/catch.hpp>

namespace mxseal::agent {

namespace {

std::string opened(const Sealer& sealer, ByteView sealed, std::string_view context) {
    auto plain = sealer.open(sealed, context);
    return plain ? to_text(plain->reveal()) : "refused";
}

} // namespace

TEST_CASE("what is sealed opens in its place, and nowhere else") {
    TemporaryFolder folder;
    auto sealer = Sealer::load_or_create(folder / "seal").value();
    for (const char* text : {"", "a", "some words that are longer than a block of the cipher"}) {
        auto sealed = sealer.seal(view_of(text), "here");
        CHECK(sealed.size() == std::string_view(text).size() + 28);
        CHECK(opened(sealer, sealed, "here") == text);
        CHECK(opened(sealer, sealed, "there") == "refused");
    }
}

TEST_CASE("whatever octet is changed, it does not open") {
    TemporaryFolder folder;
    auto sealer = Sealer::load_or_create(folder / "seal").value();
    auto sealed = sealer.seal(view_of("words"), "here");
    for (std::size_t i = 0; i < sealed.size(); ++i) {
        Bytes changed = sealed;
        changed[i] ^= 1;
        CHECK(opened(sealer, changed, "here") == "refused");
    }
    for (std::size_t size = 0; size < sealed.size(); ++size) CHECK(opened(sealer, ByteView(sealed).first(size), "here") == "refused");
}

TEST_CASE("the same text is sealed differently each time") {
    TemporaryFolder folder;
    auto sealer = Sealer::load_or_create(folder / "seal").value();
    std::set<Bytes> all;
    for (int i = 0; i < 100; ++i) all.insert(sealer.seal(view_of("words"), "here"));
    CHECK(all.size() == 100);
}

TEST_CASE("the key is made once, for its owner alone, and found again") {
    TemporaryFolder folder;
    auto file = folder / "seal";
    auto sealed = Sealer::load_or_create(file).value().seal(view_of("words"), "here");
    struct stat facts {};
    REQUIRE(stat(file.c_str(), &facts) == 0);
    CHECK((facts.st_mode & 07777) == 0600);
    CHECK(opened(Sealer::load_or_create(file).value(), sealed, "here") == "words");
    CHECK(opened(Sealer::load(file).value(), sealed, "here") == "words");
    auto entries = std::distance(std::filesystem::directory_iterator(folder.path()), std::filesystem::directory_iterator());
    CHECK(entries == 1);
}

TEST_CASE("a key that others can read, or that is none, is refused") {
    TemporaryFolder folder;
    auto file = folder / "seal";
    CHECK(Sealer::load(file).error().code() == ErrorCode::not_found);
    std::string digits(64, 'a');
    std::ofstream(file) << digits << "\n";
    for (mode_t mode : {mode_t{0644}, mode_t{0604}, mode_t{0620}, mode_t{0602}}) {
        REQUIRE(chmod(file.c_str(), mode) == 0);
        auto refused = Sealer::load_or_create(file);
        REQUIRE_FALSE(refused);
        CHECK(refused.error().message().find("run: chmod 600") != std::string::npos);
    }
    REQUIRE(chmod(file.c_str(), 0400) == 0);
    CHECK(Sealer::load(file));
    REQUIRE(chmod(file.c_str(), 0600) == 0);
    for (const std::string& text : {std::string(), digits.substr(1), digits + "a", digits + "\n\n", std::string(64, 'g')}) {
        std::ofstream(file, std::ios::trunc) << text;
        auto refused = Sealer::load(file);
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code() == ErrorCode::invalid);
        CHECK(refused.error().message().find(digits.substr(0, 8)) == std::string::npos);
    }
}

} // namespace mxseal::agent
