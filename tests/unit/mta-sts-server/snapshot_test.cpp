#include "mta-sts-server/snapshot.hpp"
#include "mta-sts-server/snapshot_writer.hpp"

#include "test_sites.hpp"

#include <fstream>
#include <iterator>

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <sys/stat.h>

using namespace mxseal;
using namespace mxseal::server;
using namespace mxseal::server::testing;

namespace {

std::string content_of(const std::filesystem::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

void put(const std::filesystem::path& file, const std::string& content) {
    std::ofstream(file, std::ios::binary | std::ios::trunc) << content;
    ::chmod(file.c_str(), 0600);
}

} // namespace

TEST_CASE("what is written is found again, and nothing else is") {
    const TestSites sites;
    const TemporaryFolder folder;
    const auto a = sites.make("mta-sts.a.example", "A"), b = sites.make("mta-sts.b.example", "B");
    write_snapshot(folder / "s", 42, {&a, &b});
    auto snapshot = Snapshot::open(folder / "s");
    REQUIRE(snapshot.ok());
    CHECK((*snapshot)->facts().generation == 42);
    CHECK((*snapshot)->facts().sites == 2);
    CHECK((*snapshot)->issuer_sets().size() == 1); // shared
    const auto found = (*snapshot)->find("mta-sts.b.example").value();
    REQUIRE(found.has_value());
    CHECK(found->policy == "B");
    CHECK(found->certificate == b.certificate);
    CHECK(found->key.scalar.equals(b.key.scalar.reveal()));
    CHECK_FALSE((*snapshot)->find("mta-sts.c.example").value().has_value());
    CHECK_FALSE((*snapshot)->find("").value().has_value());
    CHECK_FALSE((*snapshot)->find("MTA-STS.a.example").value().has_value());
}

TEST_CASE("an empty snapshot is one") {
    const TemporaryFolder folder;
    write_snapshot(folder / "s", 1, {});
    auto snapshot = Snapshot::open(folder / "s");
    REQUIRE(snapshot.ok());
    CHECK_FALSE((*snapshot)->find("a.example").value().has_value());
}

TEST_CASE("a snapshot changed at any octet, or cut anywhere, is refused") {
    const TestSites sites;
    const TemporaryFolder folder;
    const auto a = sites.make("mta-sts.a.example", "A");
    write_snapshot(folder / "s", 42, {&a});
    const auto whole = content_of(folder / "s");
    for (std::size_t i = 0; i < whole.size(); ++i) {
        auto changed = whole;
        changed[i] = static_cast<char>(changed[i] ^ 0x10);
        put(folder / "t", changed);
        INFO("octet " << i);
        REQUIRE_FALSE(Snapshot::open(folder / "t").ok());
        put(folder / "t", whole.substr(0, i));
        REQUIRE_FALSE(Snapshot::open(folder / "t").ok());
    }
    put(folder / "t", whole);
    CHECK(Snapshot::open(folder / "t").ok());
}

TEST_CASE("a snapshot that others may read is refused, and so is what is no file") {
    const TemporaryFolder folder;
    write_snapshot(folder / "s", 1, {});
    for (const mode_t mode : {0640u, 0604u, 0644u, 0620u}) {
        ::chmod((folder / "s").c_str(), mode);
        auto refused = Snapshot::open(folder / "s");
        REQUIRE_FALSE(refused.ok());
        CHECK(refused.error().code() == ErrorCode::refused);
        CHECK(refused.error().to_string().find("chmod 0600") != std::string::npos);
    }
    CHECK(Snapshot::open(folder / "none").error().code() == ErrorCode::not_found);
    std::filesystem::create_directory(folder / "d");
    CHECK_FALSE(Snapshot::open(folder / "d").ok());
    REQUIRE(::mkfifo((folder / "p").c_str(), 0600) == 0);
    CHECK_FALSE(Snapshot::open(folder / "p").ok());
}

TEST_CASE("a writer that does not finish leaves the old snapshot and no traces") {
    const TestSites sites;
    const TemporaryFolder folder;
    const auto a = sites.make("mta-sts.a.example", "A");
    write_snapshot(folder / "s", 1, {});
    {
        auto writer = SnapshotWriter::begin(folder / "s", 2, Instant{});
        REQUIRE(writer.ok());
        REQUIRE(writer->add(a).ok());
    }
    CHECK(Snapshot::open(folder / "s").value()->facts().generation == 1);
    CHECK_FALSE(std::filesystem::exists(folder / "s.new"));
    auto twice = SnapshotWriter::begin(folder / "s", 2, Instant{});
    REQUIRE(twice->add(a).ok());
    REQUIRE(twice->add(a).ok());
    CHECK_FALSE(twice->finish().ok());
    CHECK(Snapshot::open(folder / "s").value()->facts().generation == 1);
}

TEST_CASE("a site that cannot be written is left out, and the others are served") {
    const TestSites sites;
    const TemporaryFolder folder;
    const auto a = sites.make("mta-sts.a.example", "A");
    auto bad = sites.make("mta-sts.b.example", std::string(70'000, 'x'));
    auto writer = SnapshotWriter::begin(folder / "s", 2, Instant{});
    CHECK_FALSE(writer->add(bad).ok());
    CHECK(writer->add(a).ok());
    CHECK(writer->finish().ok());
    CHECK(Snapshot::open(folder / "s").value()->facts().sites == 1);
    struct stat facts{};
    REQUIRE(::stat((folder / "s").c_str(), &facts) == 0);
    CHECK((facts.st_mode & 07777) == 0600);
}

TEST_CASE("what stands in the place of the new file, from a crash or from somebody else, is not written through") {
    const TemporaryFolder folder;
    put(folder / "victim", "untouched");
    std::filesystem::create_symlink(folder / "victim", folder / "s.new");
    write_snapshot(folder / "s", 3, {});
    CHECK(content_of(folder / "victim") == "untouched");
    CHECK(Snapshot::open(folder / "s").value()->facts().generation == 3);
}

TEST_CASE("the same sites give the same octets") {
    const TestSites sites;
    const TemporaryFolder folder;
    const auto a = sites.make("mta-sts.a.example", "A");
    write_snapshot(folder / "s", 1, {&a});
    write_snapshot(folder / "t", 1, {&a});
    CHECK(content_of(folder / "s") == content_of(folder / "t"));
}
