#include "tests/unit/store/worlds.hpp"

#include "agent/store/sqlite_schema.hpp"

#include <atomic>
#include <chrono>
#include <fstream>
#include <iostream>
#include <mutex>
#include <thread>

#include <SQLiteCpp/SQLiteCpp.h>
#include <sys/stat.h>

using namespace mxseal;
using namespace mxseal::agent;

namespace {

unsigned mode_of(const std::filesystem::path& path) {
    struct stat facts{};
    REQUIRE(lstat(path.c_str(), &facts) == 0);
    return facts.st_mode & 07777;
}

class Umask {
public:
    explicit Umask(mode_t mask) : before_(umask(mask)) {}
    Umask(const Umask&) = delete;
    Umask& operator=(const Umask&) = delete;
    ~Umask() { umask(before_); }

private:
    mode_t before_;
};

void run_sql(const std::filesystem::path& file, const std::string& sql) {
    SQLite::Database database(file.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
    database.exec(sql);
}

ErrorCode code_of_opening(const std::filesystem::path& state, const std::string& words) {
    auto store = make_sqlite_store(state);
    REQUIRE_FALSE(store);
    INFO(store.error().to_string());
    CHECK(store.error().message().find(words) != std::string::npos);
    return store.error().code();
}

void overwrite(const std::filesystem::path& file, const std::string& text) {
    std::ofstream out(file, std::ios::binary | std::ios::trunc);
    out << text;
}

} // namespace

TEST_CASE("folder and files are for their owner only, whatever the umask is", "[store][sqlite]") {
    for (mode_t mask : {0000, 0022, 0277}) {
        SqliteWorld world;
        Umask set(mask);
        auto store = world.open();
        REQUIRE(store->acquire_lease("agent"));
        REQUIRE(store->put_document("a", "b", Json(1)));
        CHECK(mode_of(world.state()) == 0700);
        for (const auto& file : std::filesystem::directory_iterator(world.state())) {
            INFO(file.path());
            CHECK(mode_of(file.path()) == 0600);
        }
    }
}

TEST_CASE("processes that open a new store at once all open it", "[store][sqlite]") {
    for (int round = 0; round < 20; ++round) {
        SqliteWorld world;
        std::atomic<int> opened{0};
        std::mutex mutex;
        std::string trouble;
        {
            std::vector<std::jthread> threads;
            for (int each = 0; each < 8; ++each)
                threads.emplace_back([&] {
                    auto store = make_sqlite_store(world.state());
                    std::lock_guard lock(mutex);
                    if (store.ok()) ++opened;
                    else trouble = store.error().to_string();
                });
        }
        INFO(trouble);
        REQUIRE(opened == 8);
    }
}

TEST_CASE("a state folder or a database that others can reach is refused", "[store][sqlite]") {
    SqliteWorld world;
    world.open();
    chmod(world.file().c_str(), 0640);
    CHECK(code_of_opening(world.state(), "chmod 600") == ErrorCode::refused);
    chmod(world.file().c_str(), 0600);
    chmod(world.state().c_str(), 0770);
    CHECK(code_of_opening(world.state(), "chmod 700") == ErrorCode::refused);
}

TEST_CASE("a link in place of the database is refused", "[store][sqlite]") {
    SqliteWorld world;
    world.open();
    auto elsewhere = world.state() / "elsewhere";
    std::filesystem::rename(world.file(), elsewhere);
    std::filesystem::create_symlink(elsewhere, world.file());
    CHECK(code_of_opening(world.state(), "not a regular file") == ErrorCode::refused);
}

TEST_CASE("a state folder whose parent is missing is an error that says what to do", "[store][sqlite]") {
    CHECK(code_of_opening("/nonexistent/parent/state", "set `state:`") == ErrorCode::io);
}

TEST_CASE("a database of a newer mxseal is refused with words, and left as it is", "[store][sqlite]") {
    SqliteWorld world;
    world.open();
    run_sql(world.file(), "INSERT INTO schema_migrations (version, what) VALUES (99, 'from the future')");
    CHECK(code_of_opening(world.state(), "schema version 99") == ErrorCode::refused);
}

TEST_CASE("a database of another program is refused", "[store][sqlite]") {
    SqliteWorld world;
    std::filesystem::create_directory(world.state());
    chmod(world.state().c_str(), 0700);
    run_sql(world.file(), "CREATE TABLE recipes (name TEXT)");
    chmod(world.file().c_str(), 0600);
    CHECK(code_of_opening(world.state(), "another program") == ErrorCode::refused);
}

TEST_CASE("a damaged database is an error that says how to go on", "[store][sqlite]") {
    SqliteWorld world;
    world.open();
    SECTION("not SQLite at all") { overwrite(world.file(), std::string(8192, 'x')); }
    SECTION("a page full of zeroes") {
        std::fstream file(world.file(), std::ios::in | std::ios::out | std::ios::binary);
        file.seekp(100);
        file << std::string(3996, '\0');
    }
    CHECK(code_of_opening(world.state(), "restore a backup") == ErrorCode::io);
}

TEST_CASE("a damaged document is an error that names it", "[store][sqlite]") {
    SqliteWorld world;
    auto store = world.open();
    auto token = store->acquire_lease("agent");
    REQUIRE(store->commit(*token, commit_of("mx1.example.org", 1)));
    run_sql(world.file(), "UPDATE host_documents SET document = '{\"vers'");
    auto document = store->load_host("mx1.example.org");
    REQUIRE_FALSE(document);
    CHECK(document.error().code() == ErrorCode::io);
    CHECK(document.error().message().find("mx1.example.org") != std::string::npos);
}

TEST_CASE("neither the log nor a key can be changed or deleted, even by hand", "[store][sqlite]") {
    SqliteWorld world;
    auto store = world.open();
    auto token = store->acquire_lease("agent");
    REQUIRE(store->commit(*token, commit_of("mx1.example.org", 1)));
    REQUIRE(store->put_key("aa", "mx1.example.org", "ecdsa-p256", Bytes{1}));
    for (const char* sql : {"DELETE FROM log", "UPDATE log SET sentence = ''", "DELETE FROM keys", "UPDATE keys SET sealed = x'00'"}) {
        INFO(sql);
        CHECK_THROWS_AS(run_sql(world.file(), sql), SQLite::Exception);
    }
}

TEST_CASE("a schema step is carried out once, in order, and nothing of a failing one stays", "[store][sqlite]") {
    TemporaryFolder folder;
    auto file = folder.path() / "db";
    SQLite::Database database(file.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
    std::vector<sqlite::Migration> steps{{1, "one", "CREATE TABLE a (x)"}};
    REQUIRE(sqlite::migrate(database, file, steps));
    REQUIRE(sqlite::migrate(database, file, steps));
    steps.push_back({2, "two", "CREATE TABLE b (x); INSERT INTO nowhere VALUES (1)"});
    CHECK_THROWS_AS(sqlite::migrate(database, file, steps), SQLite::Exception);
    CHECK_FALSE(database.tableExists("b"));
    steps.back().sql = "CREATE TABLE b (x)";
    REQUIRE(sqlite::migrate(database, file, steps));
    CHECK(database.execAndGet("SELECT max(version) FROM schema_migrations").getInt() == 2);
}

TEST_CASE("a reader sees the last state while another connection writes", "[store][sqlite]") {
    SqliteWorld world;
    auto store = world.open();
    auto token = store->acquire_lease("agent");
    REQUIRE(store->commit(*token, commit_of("mx1.example.org", 1)));
    SQLite::Database writer(world.file().string(), SQLite::OPEN_READWRITE);
    SQLite::Transaction open_write(writer, SQLite::TransactionBehavior::IMMEDIATE);
    writer.exec("UPDATE hosts SET summary = '\"half\"'");
    CHECK(store->load_hosts()->front().summary["state"].as_string() == "steady");
}

TEST_CASE("a write that waits too long for another is busy, not lost", "[store][sqlite]") {
    SqliteWorld world;
    world.open();
    auto store = make_sqlite_store(world.state(), {.busy_timeout = std::chrono::milliseconds(20)});
    REQUIRE(store);
    SQLite::Database writer(world.file().string(), SQLite::OPEN_READWRITE);
    SQLite::Transaction open_write(writer, SQLite::TransactionBehavior::IMMEDIATE);
    auto written = (*store)->put_document("a", "b", Json(1));
    REQUIRE_FALSE(written);
    CHECK(written.error().code() == ErrorCode::busy);
    CHECK(written.error().retry().kind == Retry::Kind::transient);
}

TEST_CASE("ten thousand hosts load in well under half a second", "[store][sqlite]") {
    SqliteWorld world;
    auto store = world.open();
    auto token = store->acquire_lease("agent");
    Commit commit;
    const std::string document = Json::object({{"history", std::string(4000, 'h')}}).dump();
    for (int i = 0; i < 10'000; ++i)
        commit.hosts.push_back({"mx" + std::to_string(i) + ".example.org", document,
                                Json::object({{"state", "steady"}, {"zone", "example.org"}, {"next", "2026-11-22T12:25:00Z"}}).dump(), from_unix_ms(i)});
    REQUIRE(store->commit(*token, commit));
    auto start = std::chrono::steady_clock::now();
    auto hosts = store->load_hosts();
    auto took = std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now() - start);
    REQUIRE(hosts);
    CHECK(hosts->size() == 10'000);
    std::cout << "load_hosts, 10,000 rows: " << took.count() << " ms\n";
    CHECK(took < std::chrono::seconds(3)); // a debug build under a sanitizer on a busy machine; see the line above for the figure
}
