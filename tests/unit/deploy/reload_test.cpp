#include "agent/deploy/reload.hpp"

#include "tests/unit/deploy/folders.hpp"

#include <chrono>
#include <csignal>
#include <functional>

#include <fcntl.h>
#include <unistd.h>

using namespace mxseal;
using namespace mxseal::agent;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

Duration time_of(const std::function<void()>& act) {
    auto start = std::chrono::steady_clock::now();
    act();
    return std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now() - start);
}

pid_t pid_in(const std::filesystem::path& file) {
    auto text = text_of(file);
    REQUIRE_FALSE(text.empty());
    return static_cast<pid_t>(std::stol(text));
}

// Gone, or a zombie that its new parent has not collected yet.
bool is_dead(pid_t pid) {
    auto status = text_of("/proc/" + std::to_string(pid) + "/stat");
    return status.empty() || status.find(") Z ") != std::string::npos || status.find(") X ") != std::string::npos;
}

bool dies_soon(pid_t pid) {
    for (int tries = 0; tries < 1'000'000; ++tries)
        if (is_dead(pid)) return true;
    return false;
}

} // namespace

TEST_CASE("a reload that succeeds is a success, and no reload is one too", "[reload]") {
    CHECK(run_reload({"true"}, seconds(10)).ok());
    CHECK(run_reload({}, seconds(10)).ok());
}

TEST_CASE("a reload that fails gives its exit code and its output", "[reload]") {
    TemporaryFolder folder;
    auto run = run_reload({script_in(folder, "echo to stdout; echo to stderr >&2; exit 3").string()}, seconds(10));
    REQUIRE_FALSE(run);
    CHECK(run.error().code() == ErrorCode::io);
    CHECK(run.error().message().find("exit code 3") != std::string::npos);
    CHECK(run.error().peer_text() == "to stdout\nto stderr\n");
}

TEST_CASE("a program that does not exist is an error at once", "[reload]") {
    for (const char* name : {"no-such-program-of-ours", "/no/such/program", "relative/program", ""})
        CHECK(run_reload({name}, seconds(10)).error().code() == ErrorCode::invalid);
    TemporaryFolder folder;
    folder.write("plain", "not executable");
    CHECK(run_reload({(folder.path() / "plain").string()}, seconds(10)).error().code() == ErrorCode::invalid);
}

TEST_CASE("a file that is no program is an error", "[reload]") {
    TemporaryFolder folder;
    folder.write("garbage", "\x01\x02 not a program");
    chmod((folder.path() / "garbage").c_str(), 0700);
    CHECK_FALSE(run_reload({(folder.path() / "garbage").string()}, seconds(10)).ok());
}

TEST_CASE("a reload that hangs is stopped with its whole group", "[reload]") {
    TemporaryFolder folder;
    auto pid_file = folder.path() / "pid";
    auto script = script_in(folder, "sleep 1000 & echo $! > " + pid_file.string() + "; wait").string();
    Status run = done();
    auto took = time_of([&] { run = run_reload({script}, milliseconds(500)); });
    REQUIRE_FALSE(run);
    CHECK(run.error().message().find("longer than 0.5s") != std::string::npos);
    CHECK(took < seconds(8));
    CHECK(dies_soon(pid_in(pid_file)));
}

TEST_CASE("a reload that ignores SIGTERM is killed", "[reload]") {
    TemporaryFolder folder;
    auto script = script_in(folder, "trap '' TERM; while :; do sleep 0.2; done").string();
    auto took = time_of([&] { CHECK_FALSE(run_reload({script}, milliseconds(200)).ok()); });
    CHECK(took >= seconds(2));
    CHECK(took < seconds(10));
}

TEST_CASE("a child that keeps the output open is not waited for", "[reload]") {
    TemporaryFolder folder;
    auto pid_file = folder.path() / "pid";
    auto script = script_in(folder, "sleep 1000 & echo $! > " + pid_file.string() + "; exit 0").string();
    auto took = time_of([&] { CHECK(run_reload({script}, seconds(20)).ok()); });
    CHECK(took < seconds(10));
    pid_t left = pid_in(pid_file);
    CHECK_FALSE(is_dead(left)); // a daemon may live on
    kill(left, SIGKILL);
}

TEST_CASE("a megabyte of output neither blocks the program nor is kept", "[reload]") {
    TemporaryFolder folder;
    auto script = script_in(folder, "head -c 1000000 /dev/zero | tr '\\0' 'x'; exit 4").string();
    auto run = run_reload({script}, seconds(20));
    REQUIRE_FALSE(run);
    CHECK(run.error().message().find("exit code 4") != std::string::npos);
    CHECK(run.error().peer_text().size() == kReloadOutputMax);
    CHECK(run.error().to_string().size() < 1000);
}

TEST_CASE("a program that writes without end is stopped in time", "[reload]") {
    auto took = time_of([&] { CHECK_FALSE(run_reload({"yes"}, milliseconds(300)).ok()); });
    CHECK(took < seconds(8));
}

TEST_CASE("a reload that kills itself is a failure that names the signal", "[reload]") {
    TemporaryFolder folder;
    auto run = run_reload({script_in(folder, "kill -9 $$").string()}, seconds(10));
    REQUIRE_FALSE(run);
    CHECK(run.error().message().find("signal 9") != std::string::npos);
}

TEST_CASE("a reload sees PATH and LANG, no other variable, no open file, and a silent stdin", "[reload]") {
    TemporaryFolder folder;
    setenv("MXSEAL_TEST_SECRET", "must not be seen", 1);
    int open_file = open("/dev/null", O_RDONLY); // inheritable on purpose
    auto run = run_reload({script_in(folder, "exec 2>&1; env | sort; ls /proc/$$/fd | tr '\\n' ' '; cat; exit 1").string()}, seconds(10));
    close(open_file);
    unsetenv("MXSEAL_TEST_SECRET");
    REQUIRE_FALSE(run);
    auto output = run.error().peer_text();
    INFO(output);
    CHECK(output.find("LANG=C.UTF-8\n") != std::string::npos);
    CHECK(output.find("PATH=/usr/sbin:/usr/bin:/sbin:/bin\n") != std::string::npos);
    CHECK(output.find("SECRET") == std::string::npos);
    CHECK(output.find("0 1 10 2 ") != std::string::npos); // 10: the shell's own script file
}

TEST_CASE("arguments reach the program as they are, without a shell", "[reload]") {
    TemporaryFolder folder;
    auto out = folder.path() / "out";
    auto script = script_in(folder, "printf '%s|' \"$@\" > " + out.string()).string();
    REQUIRE(run_reload({script, "a b", "$(id)", "", "*"}, seconds(10)));
    CHECK(text_of(out) == "a b|$(id)||*|");
}

TEST_CASE("a blocked signal of ours is not blocked in the program", "[reload]") {
    TemporaryFolder folder;
    sigset_t term, before;
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    sigprocmask(SIG_BLOCK, &term, &before);
    auto took = time_of([&] { CHECK_FALSE(run_reload({"sleep", "1000"}, milliseconds(200)).ok()); });
    sigprocmask(SIG_SETMASK, &before, nullptr);
    CHECK(took < milliseconds(1900)); // SIGTERM was enough
}
