#include "mta-sts-server/served_generation.hpp"

#include "test_sites.hpp"

#include <fstream>

#include <catch2/catch.hpp>
#include <sys/stat.h>

using namespace mxseal;
using namespace mxseal::server;
using namespace mxseal::server::testing;

namespace {

void write(const std::filesystem::path& file, const std::string& text) { std::ofstream(file) << text; }

} // namespace

TEST_CASE("the highest generation that was served is known after a restart, and a lower one is refused") {
    const TemporaryFolder folder;
    const auto file = served_file_of(folder / "snapshot");
    CHECK(file.filename() == "snapshot.served");
    {
        auto served = ServedGeneration::open(file);
        REQUIRE(served.ok());
        CHECK(served->highest() == 0);
        CHECK(served->raise(7).ok());
        CHECK(served->raise(7).ok());
        CHECK(served->raise(9).ok());
    }
    auto served = ServedGeneration::open(file);
    REQUIRE(served.ok());
    CHECK(served->highest() == 9);
    auto refused = served->raise(8);
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().code() == ErrorCode::refused);
    for (const char* part : {"generation 8", "served 9", "snapshot.served", "copy the newest", "remove that file"}) CHECK(refused.error().to_string().find(part) != std::string::npos);
    CHECK(served->highest() == 9);
    CHECK(served->raise(9).ok());
    CHECK(served->raise(~std::uint64_t{0}).ok());
    CHECK(ServedGeneration::open(file)->highest() == ~std::uint64_t{0});
}

TEST_CASE("a generation is stored before it may be served: generation zero too, and never when it cannot be") {
    const TemporaryFolder folder;
    auto served = ServedGeneration::open(folder / "served");
    REQUIRE(served.ok());
    CHECK(served->raise(0).ok());
    CHECK(std::filesystem::exists(folder / "served"));
    auto nowhere = ServedGeneration::open(folder / "missing" / "served");
    REQUIRE(nowhere.ok());
    auto failed = nowhere->raise(1);
    REQUIRE_FALSE(failed.ok());
    CHECK(failed.error().to_string().find("--state-file") != std::string::npos);
    CHECK(nowhere->highest() == 0);
    CHECK_FALSE(nowhere->raise(1).ok()); // not remembered as if it were stored
}

TEST_CASE("a file that holds something else is an error, for what was served before is not known then") {
    const TemporaryFolder folder;
    for (const char* text : {"", "\n", "generation \n", "generation 5", "generation -5\n", "generation 5 \n", "generation 18446744073709551616\n", "gen 5\n", "generation 5\ngeneration 6\n"}) {
        write(folder / "served", text);
        auto served = ServedGeneration::open(folder / "served");
        REQUIRE_FALSE(served.ok());
        CHECK(served.error().to_string().find("remove this file") != std::string::npos);
    }
    write(folder / "served", std::string(1000, 'x'));
    CHECK_FALSE(ServedGeneration::open(folder / "served").ok());
    ::mkdir((folder / "folder").c_str(), 0700);
    CHECK_FALSE(ServedGeneration::open(folder / "folder").ok());
}
