#include "agent/hooks/pair_files.hpp"

#include "tests/unit/hooks/pairs.hpp"

#include <sys/stat.h>

namespace mxseal::agent::testing {

namespace {

std::string why(const PairFiles& files) {
    auto pair = read_pair(files, kNow);
    return pair ? "taken" : pair.error().to_string();
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

} // namespace

TEST_CASE("key and chain are read through the links that clients make") {
    Folder folder;
    ClientOfTests client;
    folder.write("archive/privkey2.pem", client.key_pem());
    folder.write("archive/fullchain2.pem", client.chain());
    std::filesystem::create_directories(folder.path() / "live");
    for (const char* name : {"privkey", "fullchain"})
        std::filesystem::create_symlink(folder.path() / "archive" / (std::string(name) + "2.pem"), folder.path() / "live" / (std::string(name) + ".pem"));
    CHECK(why({folder.path() / "live/privkey.pem", false, folder.path() / "live/fullchain.pem"}) == "taken");
}

TEST_CASE("a missing file, a pipe, a folder and a file without end are refused by name, none of them waited for") {
    Folder folder;
    ClientOfTests client;
    const auto key = folder.write("key.pem", client.key_pem()), chain = folder.write("chain.pem", client.chain());
    const auto big = folder.write("big.pem", std::string(300 * 1024, 'x'));
    const auto pipe = folder.path() / "pipe";
    REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
    CHECK(has(why({folder.path() / "none.pem", false, chain}), "none.pem: No such file"));
    CHECK(has(why({key, false, pipe}), "is no regular file"));
    CHECK(has(why({key, false, folder.path()}), "is no regular file"));
    CHECK(has(why({key, false, "/dev/zero"}), "is no regular file"));
    CHECK(has(why({key, false, big}), "more than 262144"));
}

TEST_CASE("the issuers' file completes a leaf that stands alone, and nothing else") {
    Folder folder;
    ClientOfTests client;
    const auto key = folder.write("mx1.key", client.key_pem());
    const auto leaf = folder.write("mx1.crt", client.leaf()), whole = folder.write("whole.crt", client.chain());
    const auto issuer = folder.write("mx1.issuer.crt", client.ca.root_pem());
    CHECK(why({key, false, leaf, issuer}) == "taken");
    CHECK(why({key, false, whole, issuer}) == "taken");
    CHECK(has(why({key, false, leaf, folder.path() / "none.crt"}), "issuer is not in the file"));
}

TEST_CASE("the key may be absent only where it can be mxseal's own") {
    Folder folder;
    ClientOfTests client;
    const auto chain = folder.write("chain.pem", client.chain());
    CHECK(why({folder.path() / "none.key", true, chain}) == "taken");
    CHECK(why({folder.path() / "none.key", false, chain}) != "taken");
}

} // namespace mxseal::agent::testing
