#include "agent/deploy/file_deployer.hpp"

#include "tests/unit/deploy/folders.hpp"

#include <atomic>
#include <csignal>
#include <functional>
#include <set>
#include <thread>

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace mxseal;
using namespace mxseal::agent;
namespace fs = std::filesystem;

namespace {

struct World {
    TemporaryFolder folder;
    FileDeployer deployer;
    DeployTarget target;

    World() { target.combined = folder.path() / "mx1.pem"; }
    Status put(std::string_view text) { return deployer.deploy(target, Secret(text)); }
    std::string content() const { return text_of(target.combined); }
    std::set<std::string> names() const {
        std::set<std::string> found;
        for (const auto& entry : fs::directory_iterator(folder.path())) found.insert(entry.path().filename().string());
        return found;
    }
};

int exit_code_of(const std::function<int()>& body) {
    pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) _exit(body());
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

} // namespace

TEST_CASE("a deployed file has its content, mode and nobody else's eyes", "[deploy]") {
    World world;
    mode_t before = umask(0);
    auto put = world.put("key and chain");
    umask(before);
    REQUIRE(put);
    CHECK(world.content() == "key and chain");
    CHECK((facts_of(world.target.combined).st_mode & 07777) == 0600);
    CHECK(world.names() == std::set<std::string>{"mx1.pem", ".mx1.pem.mxseal"});
    CHECK((facts_of(world.folder.path() / ".mx1.pem.mxseal").st_mode & 07777) == 0600);
}

TEST_CASE("owner, group and mode are set under a hard umask too", "[deploy]") {
    World world;
    world.target.mode = 0640;
    if (geteuid() == 0) world.target.owner = "nobody", world.target.group = "nogroup";
    mode_t before = umask(0277);
    auto put = world.put("key");
    umask(before);
    REQUIRE(put);
    auto facts = facts_of(world.target.combined);
    CHECK((facts.st_mode & 07777) == 0640);
    if (geteuid() == 0) CHECK((facts.st_uid == 65534 && facts.st_gid == 65534));
}

TEST_CASE("an unchanged file is not rewritten, but its rights are mended and the reload runs", "[deploy]") {
    World world;
    REQUIRE(world.put("key"));
    auto inode = facts_of(world.target.combined).st_ino;
    chmod(world.target.combined.c_str(), 0644);
    world.target.reload = {script_in(world.folder, "echo ran > " + (world.folder.path() / "ran").string()).string()};
    REQUIRE(world.put("key"));
    CHECK(facts_of(world.target.combined).st_ino == inode);
    CHECK((facts_of(world.target.combined).st_mode & 07777) == 0600);
    CHECK(fs::exists(world.folder.path() / "ran"));
}

TEST_CASE("a reader sees the old file or the new one, never a part", "[deploy]") {
    World world;
    std::string a(200'000, 'a'), b(200'000, 'b');
    REQUIRE(world.put(a));
    std::atomic<bool> stop{false};
    std::atomic<int> torn{0};
    std::thread reader([&] {
        while (!stop) {
            auto text = text_of(world.target.combined);
            if (text != a && text != b) ++torn;
        }
    });
    for (int i = 0; i < 20; ++i) CHECK(world.put(i % 2 == 0 ? b : a).ok());
    stop = true;
    reader.join();
    CHECK(torn == 0);
}

TEST_CASE("a file that stood there before is kept once, for its owner only", "[deploy]") {
    World world;
    world.folder.write("mx1.pem", "snakeoil");
    chmod(world.target.combined.c_str(), 0644);
    REQUIRE(world.put("first"));
    auto kept = world.folder.path() / "mx1.pem.before-mxseal";
    CHECK(text_of(kept) == "snakeoil");
    CHECK((facts_of(kept).st_mode & 07777) == 0600);
    REQUIRE(world.put("second"));
    world.folder.write("mx1.pem", "a foreign hand");
    REQUIRE(world.put("third"));
    CHECK(text_of(kept) == "snakeoil");
    CHECK(world.content() == "third");
}

TEST_CASE("mxseal's own first file is not kept as if it were foreign", "[deploy]") {
    World world;
    REQUIRE(world.put("first"));
    REQUIRE(world.put("second"));
    CHECK_FALSE(fs::exists(world.folder.path() / "mx1.pem.before-mxseal"));
}

TEST_CASE("what a crash left beside the file is removed, and nothing else", "[deploy]") {
    World world;
    for (const char* name : {".mx1.pem.mxseal-0123456789abcdef", "..mx1.pem.mxseal.mxseal-0123456789abcdef"}) world.folder.write(name, "half a key");
    for (const char* name : {".mx1.pem.mxseal-notes", ".mx10.pem.mxseal-0123456789abcdef", "mx1.pem.bak"}) world.folder.write(name, "foreign");
    REQUIRE(world.put("key"));
    CHECK(world.names() ==
          std::set<std::string>{"mx1.pem", ".mx1.pem.mxseal", ".mx1.pem.mxseal-notes", ".mx10.pem.mxseal-0123456789abcdef", "mx1.pem.bak"});
}

TEST_CASE("a process killed at any moment leaves a whole file", "[deploy]") {
    World world;
    std::string a(300'000, 'a'), b(300'000, 'b');
    REQUIRE(world.put(a));
    for (int round = 0; round < 5; ++round) {
        int ends[2];
        REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
        pid_t child = fork();
        if (child == 0) {
            for (int i = 0;; ++i) {
                if (!world.put(i % 2 == 0 ? b : a)) _exit(1);
                if (write(ends[1], ".", 1) != 1) _exit(2);
            }
        }
        char c = 0;
        for (int i = 0; i <= round * 3; ++i) REQUIRE(read(ends[0], &c, 1) == 1);
        kill(child, SIGKILL);
        waitpid(child, nullptr, 0);
        close(ends[0]);
        close(ends[1]);
        auto text = world.content();
        CHECK((text == a || text == b));
        REQUIRE(world.put("after"));
        CHECK(world.names() == std::set<std::string>{"mx1.pem", ".mx1.pem.mxseal"});
        CHECK(world.content() == "after");
    }
}

TEST_CASE("a write that fails leaves the file in place and nothing beside it", "[deploy]") {
    World world;
    REQUIRE(world.put("old"));
    int code = exit_code_of([&] {
        std::signal(SIGXFSZ, SIG_IGN);
        rlimit limit{1000, RLIM_INFINITY};
        setrlimit(RLIMIT_FSIZE, &limit);
        auto put = world.put(std::string(5000, 'n'));
        if (put || put.error().code() != ErrorCode::io) return 1;
        return put.error().message().find("free space") != std::string::npos && put.error().retry().kind == Retry::Kind::transient ? 0 : 2;
    });
    CHECK(code == 0);
    CHECK(world.content() == "old");
    CHECK(world.names() == std::set<std::string>{"mx1.pem", ".mx1.pem.mxseal"});
}

TEST_CASE("a full disk leaves the file in place and nothing beside it", "[deploy]") {
    World world;
    int code = exit_code_of([&] {
        auto disk = world.folder.path().string();
        if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
            mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=64k,mode=0700") != 0)
            return 77;
        if (!world.put("old")) return 1;
        auto put = world.put(std::string(200'000, 'n'));
        if (put || put.error().message().find("free space") == std::string::npos) return 2;
        if (world.content() != "old" || world.names() != std::set<std::string>{"mx1.pem", ".mx1.pem.mxseal"}) return 3;
        return world.put("new") && world.content() == "new" ? 0 : 4;
    });
    if (code == 77)
        WARN("not tested: a small disk can only be mounted by root");
    else
        CHECK(code == 0);
}

TEST_CASE("a folder that cannot be written is an error, and the reload does not run", "[deploy]") {
    World world;
    REQUIRE(world.put("old"));
    auto ran = world.folder.path() / "ran";
    world.target.reload = {script_in(world.folder, "echo ran > " + ran.string()).string()};
    chmod(world.folder.path().c_str(), 0555);
    int code = exit_code_of([&] {
        if (geteuid() == 0 && (chown(world.folder.path().c_str(), 65534, 65534) != 0 || chown(world.target.combined.c_str(), 65534, 65534) != 0 ||
                               chown((world.folder.path() / ".mx1.pem.mxseal").c_str(), 65534, 65534) != 0 || setuid(65534) != 0))
            return 9;
        auto put = world.put("new");
        return !put && put.error().code() == ErrorCode::io ? 0 : 1;
    });
    CHECK(code == 0);
    chmod(world.folder.path().c_str(), 0700);
    CHECK_FALSE(fs::exists(ran));
    CHECK(world.content() == "old");
}

TEST_CASE("a folder that others can write, or a link that others can turn, is refused", "[deploy]") {
    World world;
    SECTION("group may write") {
        chmod(world.folder.path().c_str(), 0770);
        CHECK(world.put("key").error().code() == ErrorCode::refused);
        chmod(world.folder.path().c_str(), 0700);
    }
    SECTION("the folder is a link in a folder that others can write") {
        fs::create_directory(world.folder.path() / "real");
        fs::create_directory(world.folder.path() / "open");
        chmod((world.folder.path() / "open").c_str(), 0777);
        fs::create_directory_symlink(world.folder.path() / "real", world.folder.path() / "open" / "tls");
        world.target.combined = world.folder.path() / "open" / "tls" / "mx1.pem";
        auto put = world.put("key");
        REQUIRE_FALSE(put);
        CHECK(put.error().code() == ErrorCode::refused);
        CHECK(fs::is_empty(world.folder.path() / "real"));
    }
    SECTION("the folder is a link that only we can turn") {
        fs::create_directory(world.folder.path() / "real");
        fs::create_directory_symlink(world.folder.path() / "real", world.folder.path() / "tls");
        world.target.combined = world.folder.path() / "tls" / "mx1.pem";
        CHECK(world.put("key").ok());
    }
    SECTION("the file itself is a link") {
        world.folder.write("elsewhere", "foreign");
        fs::create_symlink(world.folder.path() / "elsewhere", world.target.combined);
        CHECK(world.put("key").error().code() == ErrorCode::refused);
        CHECK(text_of(world.folder.path() / "elsewhere") == "foreign");
    }
}

TEST_CASE("accounts and folders that do not exist are errors before anything is written", "[deploy]") {
    World world;
    SECTION("owner") {
        world.target.owner = "no-such-user";
        CHECK(world.put("key").error().code() == ErrorCode::invalid);
    }
    SECTION("group") {
        world.target.group = "no-such-group";
        CHECK(world.put("key").error().code() == ErrorCode::invalid);
    }
    SECTION("folder") {
        world.target.combined = world.folder.path() / "missing" / "mx1.pem";
        CHECK(world.put("key").error().code() == ErrorCode::io);
    }
    SECTION("a relative path") {
        world.target.combined = "mx1.pem";
        CHECK(world.put("key").error().code() == ErrorCode::invalid);
    }
    SECTION("no content") { CHECK(world.put("").error().code() == ErrorCode::invalid); }
    CHECK(world.names().empty());
}

TEST_CASE("read gives the file as it stands, nothing when there is none", "[deploy]") {
    World world;
    CHECK_FALSE(world.deployer.read(world.target)->has_value());
    REQUIRE(world.put("key"));
    CHECK(to_text((*world.deployer.read(world.target))->reveal()) == "key");
    world.folder.write("mx1.pem", std::string(2'000'000, 'x'));
    CHECK(world.deployer.read(world.target).error().code() == ErrorCode::refused);
    world.target.combined = world.folder.path() / "missing" / "mx1.pem";
    CHECK_FALSE(world.deployer.read(world.target)->has_value());
}

TEST_CASE("a reload that fails leaves the new file in place and says so", "[deploy]") {
    World world;
    world.target.reload = {"false"};
    auto put = world.put("key");
    REQUIRE_FALSE(put);
    CHECK(put.error().message().find("exit code 1") != std::string::npos);
    CHECK(world.content() == "key");
}
