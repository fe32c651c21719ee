// Processes that die, and disks that are full.
#include "tests/unit/store/worlds.hpp"

#include <csignal>
#include <fstream>
#include <functional>

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace mxseal;
using namespace mxseal::agent;

namespace {

// Runs `body` in a child; what it returns is the child's exit status. Killed with the guard, never left behind.
class Child {
public:
    explicit Child(const std::function<int()>& body) : pid_(fork()) {
        if (pid_ == 0) _exit(body());
        REQUIRE(pid_ > 0);
    }
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    ~Child() { kill_now(); }
    void kill_now() {
        if (pid_ > 0) {
            ::kill(pid_, SIGKILL);
            wait();
        }
    }
    int wait() {
        int status = 0;
        waitpid(pid_, &status, 0);
        pid_ = -1;
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }

private:
    pid_t pid_;
};

struct Pipe {
    Pipe() { REQUIRE(pipe2(ends, O_CLOEXEC) == 0); }
    Pipe(const Pipe&) = delete;
    Pipe& operator=(const Pipe&) = delete;
    ~Pipe() {
        for (int end : ends) close(end);
    }
    char read_one() const {
        char c = 0;
        REQUIRE(read(ends[0], &c, 1) == 1);
        return c;
    }
    void write_one(char c) const {
        if (write(ends[1], &c, 1) != 1) _exit(99);
    }
    int ends[2]{};
};

enum ChildEnd { kAsPromised = 0, kNotOpened = 1, kNoError = 2, kHalfWritten = 3, kUselessWords = 4, kNotRecovered = 5, kNotTestable = 77 };

// Fills the disk through the store until it fails, then looks at what stands there.
int fill_until_it_fails(const std::filesystem::path& state, const std::function<void()>& make_room) {
    auto store = make_sqlite_store(state);
    if (!store) return kNotOpened;
    auto token = (*store)->acquire_lease("agent");
    if (!token) return kNotOpened;
    std::int64_t good = 0;
    std::optional<Error> failure;
    for (std::int64_t i = 1; i <= 1000 && !failure; ++i) {
        Commit commit = commit_of("mx1", i);
        commit.hosts.front().document = Json::object({{"version", i}, {"ballast", std::string(20'000, 'b')}}).dump();
        commit.log.front().sentence = std::string(20'000, 's');
        auto written = (*store)->commit(*token, commit);
        if (written)
            good = i;
        else
            failure = written.error();
    }
    if (!failure) return kNoError;
    if (failure->code() != ErrorCode::io || failure->message().find("nothing was written") == std::string::npos) return kUselessWords;
    auto document = (*store)->load_host("mx1");
    auto log = (*store)->read_log({});
    if (!document || !log || !*document) return kHalfWritten;
    if ((**document)["version"].as_integer() != good || static_cast<std::int64_t>(log->size()) != good) return kHalfWritten;
    make_room();
    return (*store)->commit(*token, commit_of("mx1", good + 1)).ok() ? kAsPromised : kNotRecovered;
}

} // namespace

TEST_CASE("the lease of a killed process is free at once", "[store][sqlite][crash]") {
    SqliteWorld world;
    Pipe ready;
    Child child([&] {
        auto store = make_sqlite_store(world.state());
        if (!store || !(*store)->acquire_lease("doomed")) return 1;
        ready.write_one('r');
        pause();
        return 0;
    });
    ready.read_one();
    auto store = world.open();
    CHECK(store->acquire_lease("heir").error().message().find("doomed") != std::string::npos);
    child.kill_now();
    CHECK(store->acquire_lease("heir").ok());
}

TEST_CASE("a program that mxseal starts does not keep the lease", "[store][sqlite][crash]") {
    SqliteWorld world;
    Pipe to_child;
    auto store = world.open();
    REQUIRE(store->acquire_lease("agent"));
    Child child([&] {
        dup2(to_child.ends[0], STDIN_FILENO);
        execl("/bin/cat", "cat", static_cast<char*>(nullptr));
        return 1;
    });
    store.reset();
    auto next = world.open();
    bool free = false;
    for (int tries = 0; tries < 100'000 && !free; ++tries) free = next->acquire_lease("next").ok();
    CHECK(free);
}

TEST_CASE("a process killed in the middle of its commits leaves whole ones only", "[store][sqlite][crash]") {
    SqliteWorld world;
    for (int round = 0; round < 3; ++round) {
        Pipe progress;
        Child child([&] {
            auto store = make_sqlite_store(world.state());
            auto token = (*store)->acquire_lease("doomed");
            if (!token) return 1;
            auto logged = (*store)->read_log({"", 0, 1'000'000});
            for (auto i = static_cast<std::int64_t>(logged->size()) + 1; i < 100'000; ++i) {
                Commit commit = commit_of("mx1", i);
                commit.facts.emplace_back("count", Json(i));
                if (!(*store)->commit(*token, commit)) return 2;
                progress.write_one('.');
            }
            return 0;
        });
        for (int i = 0; i < 20; ++i) progress.read_one();
        child.kill_now();
        auto store = world.open();
        auto version = version_of(*store, "mx1");
        CHECK(version >= 20);
        CHECK(static_cast<std::int64_t>(store->read_log({"", 0, 1'000'000})->size()) == version);
        CHECK((**store->get_document("agent", "count")).as_integer() == version);
    }
}

TEST_CASE("a write beyond the file size limit fails whole, and goes on once there is room", "[store][sqlite][crash]") {
    SqliteWorld world;
    Child child([&] {
        std::signal(SIGXFSZ, SIG_IGN);
        rlimit before{};
        getrlimit(RLIMIT_FSIZE, &before);
        rlimit tight{1'000'000, before.rlim_max};
        setrlimit(RLIMIT_FSIZE, &tight);
        return fill_until_it_fails(world.state(), [&] { setrlimit(RLIMIT_FSIZE, &before); });
    });
    CHECK(child.wait() == kAsPromised);
}

TEST_CASE("a full disk fails a write whole, and mxseal goes on once there is room", "[store][sqlite][crash]") {
    TemporaryFolder folder;
    Child child([&] {
        auto disk = folder.path().string();
        if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
            mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=2m,mode=0700") != 0)
            return static_cast<int>(kNotTestable);
        return fill_until_it_fails(folder.path() / "state", [&] { mount("tmpfs", disk.c_str(), "tmpfs", MS_REMOUNT, "size=8m"); });
    });
    int end = child.wait();
    if (end == kNotTestable)
        WARN("not tested: a small disk can only be mounted by root");
    else
        CHECK(end == kAsPromised);
}

TEST_CASE("a database that cannot be written says so", "[store][sqlite][crash]") {
    SqliteWorld world;
    { world.open(); }
    chmod(world.state().parent_path().c_str(), 0755);
    Child child([&] {
        chmod(world.file().c_str(), 0400);
        if (geteuid() == 0) {
            if (chown(world.state().c_str(), 65534, 65534) != 0 || chown(world.file().c_str(), 65534, 65534) != 0 || setuid(65534) != 0)
                return static_cast<int>(kNotTestable);
        }
        auto store = make_sqlite_store(world.state());
        if (store) {
            auto written = (*store)->put_document("a", "b", Json(1));
            if (written) return static_cast<int>(kNoError);
            return written.error().message().find("writable") != std::string::npos ? 0 : static_cast<int>(kUselessWords);
        }
        return store.error().code() == ErrorCode::io && store.error().message().find("writ") != std::string::npos ? 0 : static_cast<int>(kUselessWords);
    });
    CHECK(child.wait() == kAsPromised);
}
