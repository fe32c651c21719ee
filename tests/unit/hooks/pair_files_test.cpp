#include "agent/hooks/pair_files.hpp"

#include "tests/unit/hooks/pairs.hpp"

#include <sys/stat.h>

namespace mxseal::agent::testing {

namespace {

std::string why(const PairFiles& files, KeyOrigin origin = KeyOrigin::clients) {
    auto chain = read_chain_of(files, kNow);
    if (!chain) return chain.error().to_string();
    auto pair = with_key(std::move(*chain), files, origin, kNow);
    if (!pair) return pair.error().to_string();
    return pair->key ? "taken" : "the chain alone";
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

} // namespace

TEST_CASE("key and chain are read through the links that clients make") {
    TemporaryFolder folder;
    ClientOfTests client;
    folder.write("archive/privkey2.pem", client.key_pem());
    folder.write("archive/fullchain2.pem", client.chain());
    std::filesystem::create_directories(folder.path() / "live");
    for (const char* name : {"privkey", "fullchain"})
        std::filesystem::create_symlink(folder.path() / "archive" / (std::string(name) + "2.pem"), folder.path() / "live" / (std::string(name) + ".pem"));
    CHECK(why({folder.path() / "live/privkey.pem", folder.path() / "live/fullchain.pem"}) == "taken");
}

TEST_CASE("a missing file, a pipe, a folder and a file without end are refused by name, none of them waited for") {
    TemporaryFolder folder;
    ClientOfTests client;
    const auto key = folder.write("key.pem", client.key_pem()), chain = folder.write("chain.pem", client.chain());
    const auto big = folder.write("big.pem", std::string(300 * 1024, 'x'));
    const auto pipe = folder.path() / "pipe";
    REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
    CHECK(has(why({folder.path() / "none.pem", chain}), "none.pem: No such file"));
    CHECK(has(why({key, pipe}), "is no regular file"));
    CHECK(has(why({key, folder.path()}), "is no regular file"));
    CHECK(has(why({key, "/dev/zero"}), "is no regular file"));
    CHECK(has(why({key, big}), "more than 262144"));
}

TEST_CASE("the issuers' file completes a leaf that stands alone, and nothing else") {
    TemporaryFolder folder;
    ClientOfTests client;
    const auto key = folder.write("mx1.key", client.key_pem());
    const auto leaf = folder.write("mx1.crt", client.leaf()), whole = folder.write("whole.crt", client.chain());
    const auto issuer = folder.write("mx1.issuer.crt", client.ca.root_pem());
    CHECK(why({key, leaf, issuer}) == "taken");
    CHECK(why({key, whole, issuer}) == "taken");
    CHECK(has(why({key, leaf, folder.path() / "none.crt"}), "issuer is not in the file"));
}

TEST_CASE("the key may be absent, or another one, only where it can be mxseal's own") {
    TemporaryFolder folder;
    ClientOfTests client;
    const auto chain = folder.write("chain.pem", client.chain()), key = folder.write("own.key", client.key_pem()), other = folder.write("other.key", ClientOfTests().key_pem());
    CHECK(why({key, chain}, KeyOrigin::mxseals) == "taken");
    CHECK(why({other, chain}, KeyOrigin::mxseals) == "the chain alone");
    CHECK(why({folder.path() / "none.key", chain}, KeyOrigin::mxseals) == "the chain alone");
    CHECK(why({"", chain}, KeyOrigin::mxseals) == "the chain alone");
    CHECK(has(why({other, chain}), "does not match"));
    CHECK(has(why({"", chain}), "no key file was named"));
    CHECK(has(why({folder.path() / "none.key", chain}), "No such file"));
}

} // namespace mxseal::agent::testing
