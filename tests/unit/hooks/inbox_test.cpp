#include "agent/hooks/inbox.hpp"

#include "tests/unit/hooks/pairs.hpp"

namespace mxseal::agent::testing {

namespace {

unsigned mode_of(const std::filesystem::path& path) {
    struct ::stat facts{};
    REQUIRE(::lstat(path.c_str(), &facts) == 0);
    return facts.st_mode & 07777;
}

} // namespace

TEST_CASE("a pair that is left is read as it was, under the name of its certificate, and only its owner can") {
    TemporaryFolder state;
    ClientOfTests client;
    const Inbox inbox(state.path());
    CHECK(inbox.list().value().empty());
    const ClientPair pair = client.pair();
    REQUIRE(inbox.leave(pair));
    REQUIRE(inbox.leave(pair)); // once more: one file
    CHECK(inbox.list().value() == std::vector{pair.leaf_sha256});
    CHECK(inbox.holds(pair.leaf_sha256));
    auto read = inbox.read(pair.leaf_sha256, kNow);
    REQUIRE(read);
    CHECK(read->key->spki() == client.key.spki());
    CHECK(read->chain_pem == pair.chain_pem);
    CHECK(mode_of(state.path() / "inbox") == 0700);
    CHECK(mode_of(state.path() / "inbox" / (pair.leaf_sha256 + ".pem")) == 0600);
    REQUIRE(inbox.remove(pair.leaf_sha256));
    REQUIRE(inbox.remove(pair.leaf_sha256));
    CHECK(inbox.list().value().empty());
}

TEST_CASE("what root leaves belongs to the owner of the state folder") {
    if (::geteuid() != 0) return;
    TemporaryFolder state;
    REQUIRE(::chown(state.path().c_str(), 65534, 65534) == 0);
    ClientOfTests client;
    const Inbox inbox(state.path());
    REQUIRE(inbox.leave(client.pair()));
    for (const auto& path : {state.path() / "inbox", state.path() / "inbox" / (inbox.list().value().front() + ".pem")}) {
        struct ::stat facts{};
        REQUIRE(::lstat(path.c_str(), &facts) == 0);
        CHECK(facts.st_uid == 65534);
        CHECK(facts.st_gid == 65534);
    }
}

TEST_CASE("a link or a file in place of the inbox is not followed and not given away") {
    ClientOfTests client;
    TemporaryFolder elsewhere;
    for (const bool link : {true, false}) {
        TemporaryFolder state;
        const auto place = state.path() / "inbox";
        if (link)
            std::filesystem::create_directory_symlink(elsewhere.path(), place);
        else
            state.write("inbox", "something of somebody's");
        struct ::stat before{}, after{};
        REQUIRE(::lstat(place.c_str(), &before) == 0);
        CHECK_FALSE(Inbox(state.path()).leave(client.pair()));
        REQUIRE(::lstat(place.c_str(), &after) == 0);
        CHECK(before.st_uid == after.st_uid);
        CHECK(before.st_ctim.tv_nsec == after.st_ctim.tv_nsec);
        CHECK(std::filesystem::is_empty(elsewhere.path()));
    }
}

TEST_CASE("without a state folder the next step is said") {
    TemporaryFolder folder;
    ClientOfTests client;
    auto left = Inbox(folder.path() / "none").leave(client.pair());
    REQUIRE_FALSE(left);
    CHECK(left.error().to_string().find("run `mxseal apply` once") != std::string::npos);
}

TEST_CASE("half a file, a link and strange names in the inbox are not taken for pairs") {
    TemporaryFolder state;
    ClientOfTests client;
    const Inbox inbox(state.path());
    REQUIRE(inbox.leave(client.pair()));
    const auto id = inbox.list().value().front();
    const auto file = state.path() / "inbox" / (id + ".pem");
    state.write("inbox/notes.txt", "x");
    state.write("inbox/." + id + ".pem.mxseal-0123456789abcdef", "half");
    CHECK(inbox.list().value().size() == 1);
    std::filesystem::resize_file(file, std::filesystem::file_size(file) / 2);
    CHECK_FALSE(inbox.read(id, kNow));
    std::filesystem::remove(file);
    std::filesystem::create_symlink(state.write("elsewhere.pem", client.key_pem() + client.chain()), file);
    CHECK_FALSE(inbox.read(id, kNow));
}

} // namespace mxseal::agent::testing
