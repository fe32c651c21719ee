#include "agent/deploy/reload.hpp"

#include "base/file_descriptor.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <optional>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace mxseal::agent {

namespace {

using SteadyClock = std::chrono::steady_clock; // time-outs by poll
constexpr std::chrono::seconds kTermGrace{2};  // between SIGTERM and SIGKILL: our choice, enough to remove a pid file
constexpr std::array<const char*, 4> kProgramFolders{"/usr/sbin", "/usr/bin", "/sbin", "/bin"};

class SpawnSettings {
public:
    SpawnSettings() {
        posix_spawn_file_actions_init(&actions_);
        posix_spawnattr_init(&attributes_);
    }
    SpawnSettings(const SpawnSettings&) = delete;
    SpawnSettings& operator=(const SpawnSettings&) = delete;
    ~SpawnSettings() {
        posix_spawn_file_actions_destroy(&actions_);
        posix_spawnattr_destroy(&attributes_);
    }

    // stdin is /dev/null, stdout and stderr are `output`, everything else is closed; default signals, none blocked.
    bool prepare(int output) {
        sigset_t all, none;
        sigfillset(&all);
        sigemptyset(&none);
        return posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0) == 0 &&
               posix_spawn_file_actions_adddup2(&actions_, output, STDOUT_FILENO) == 0 && posix_spawn_file_actions_adddup2(&actions_, output, STDERR_FILENO) == 0 &&
               posix_spawn_file_actions_addclosefrom_np(&actions_, STDERR_FILENO + 1) == 0 && posix_spawn_file_actions_addchdir_np(&actions_, "/") == 0 &&
               posix_spawnattr_setpgroup(&attributes_, 0) == 0 && posix_spawnattr_setsigdefault(&attributes_, &all) == 0 &&
               posix_spawnattr_setsigmask(&attributes_, &none) == 0 &&
               posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK) == 0;
    }
    const posix_spawn_file_actions_t* actions() const { return &actions_; }
    const posix_spawnattr_t* attributes() const { return &attributes_; }

private:
    posix_spawn_file_actions_t actions_;
    posix_spawnattr_t attributes_;
};

// A started program: it is waited for in any case, and killed with its group by the destructor if nobody has.
class Program {
public:
    explicit Program(pid_t pid) : pid_(pid), watch_(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))) {}
    Program(const Program&) = delete;
    Program& operator=(const Program&) = delete;
    ~Program() {
        if (status_) return;
        signal_group(SIGKILL);
        collect(0);
    }

    int watch() const { return watch_.get(); } // readable once it has ended; -1 where the kernel has no pidfd
    // The group outlives its leader while descendants run; its id stays ours until we have waited for the leader.
    void signal_group(int number) const {
        if (!reaped_) ::kill(-pid_, number);
    }
    // Looks without reaping, so that the group's id cannot be given to others yet.
    bool has_ended() const {
        siginfo_t info{};
        return ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid_;
    }
    int end() {
        if (!status_) collect(0);
        return status_.value_or(-1);
    }

private:
    void collect(int options) {
        int status = 0;
        pid_t got = -1;
        do got = ::waitpid(pid_, &status, options);
        while (got < 0 && errno == EINTR);
        reaped_ = true;
        status_ = got == pid_ ? status : -1;
    }

    pid_t pid_;
    FileDescriptor watch_;
    std::optional<int> status_;
    bool reaped_ = false;
};

std::optional<std::string> find_program(const std::string& name) {
    if (name.find('/') != std::string::npos) return name.front() == '/' && ::access(name.c_str(), X_OK) == 0 ? std::optional(name) : std::nullopt;
    for (const char* folder : kProgramFolders) {
        auto path = fmt::format("{}/{}", folder, name);
        if (::access(path.c_str(), X_OK) == 0) return path;
    }
    return std::nullopt;
}

std::string shown(const std::vector<std::string>& argv) {
    std::string out;
    for (const auto& word : argv) out += (out.empty() ? "" : " ") + escape_untrusted(word, 80);
    return out;
}

Result<pid_t> spawn(const std::string& program, const std::vector<std::string>& argv, int output) {
    std::vector<std::string> words = argv;
    std::vector<char*> arguments;
    for (auto& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    std::string path = "PATH=/usr/sbin:/usr/bin:/sbin:/bin", language = "LANG=C.UTF-8";
    std::array<char*, 3> environment{path.data(), language.data(), nullptr};
    SpawnSettings settings;
    pid_t pid = -1;
    int failure = settings.prepare(output) ? ::posix_spawn(&pid, program.c_str(), settings.actions(), settings.attributes(), arguments.data(), environment.data()) : ENOMEM;
    if (failure == 0) return pid;
    return Error(failure == ENOMEM || failure == EAGAIN ? ErrorCode::io : ErrorCode::invalid,
                 fmt::format("reload '{}' could not be started: {}; run it by hand as the user of mxseal", shown(argv), std::strerror(failure)),
                 failure == ENOMEM || failure == EAGAIN ? Retry::transient() : Retry::never());
}

// Keeps the beginning of the output and drains the rest. False: nobody can write any more. At most 256 KiB a call, so that
// the time limit is looked at even while a program writes without end.
bool drain(const FileDescriptor& pipe, std::string& output) {
    std::array<char, 4096> buffer{};
    for (int reads = 0; reads < 64; ++reads) {
        ssize_t got = ::read(pipe.get(), buffer.data(), buffer.size());
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return errno == EAGAIN;
        if (got == 0) return false;
        output.append(buffer.data(), std::min(static_cast<std::size_t>(got), kReloadOutputMax - std::min(output.size(), kReloadOutputMax)));
        if (static_cast<std::size_t>(got) < buffer.size()) return true;
    }
    return true;
}

enum class Waited { ended, too_long };

// Until the program has ended, or `until`. A child of it that keeps the pipe open (a daemon) is not waited for.
Waited wait_for(const Program& program, const FileDescriptor& pipe, std::string& output, SteadyClock::time_point until) {
    bool open = true;
    while (true) {
        if (open) open = drain(pipe, output);
        if (program.has_ended()) {
            if (open) drain(pipe, output); // what it wrote last
            return Waited::ended;
        }
        auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - SteadyClock::now());
        if (left.count() <= 0) return Waited::too_long;
        // Without a pidfd the end is noticed within 50 ms.
        auto longest = program.watch() >= 0 ? left : std::min(left, std::chrono::milliseconds(50));
        std::array<pollfd, 2> events{{{open ? pipe.get() : -1, POLLIN, 0}, {program.watch(), POLLIN, 0}}};
        ::poll(events.data(), events.size(), static_cast<int>(std::min<std::int64_t>(longest.count() + 1, 60'000)));
    }
}

Status judge(const std::vector<std::string>& argv, Waited waited, int status, Duration limit, std::string output) {
    std::string what;
    if (waited == Waited::too_long)
        what = fmt::format("took longer than {} and was stopped", to_string(limit));
    else if (WIFSIGNALED(status))
        what = fmt::format("was killed by signal {}", WTERMSIG(status));
    else if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return done();
    else
        what = fmt::format("ended with exit code {}", WIFEXITED(status) ? WEXITSTATUS(status) : -1);
    return Error(ErrorCode::io, fmt::format("reload '{}' {}; the new file is in place: run it by hand, then mend it", shown(argv), what), Retry::transient()).with_peer_text(std::move(output));
}

} // namespace

Status run_reload(const std::vector<std::string>& argv, Duration limit) {
    if (argv.empty()) return done();
    auto program = find_program(argv.front());
    if (!program)
        return Error(ErrorCode::invalid, fmt::format("reload program '{}' does not exist or cannot be run; allowed: a full path, or a name in /usr/sbin, /usr/bin, /sbin, /bin", escape_untrusted(argv.front(), 200)));
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return Error(ErrorCode::io, fmt::format("pipe: {}", std::strerror(errno)), Retry::transient());
    FileDescriptor reading(ends[0]), writing(ends[1]);
    ::fcntl(reading.get(), F_SETFL, O_NONBLOCK); // this end only: the program's writes may block
    auto pid = spawn(*program, argv, writing.get());
    if (!pid) return std::move(pid).error();
    Program running(*pid);
    writing.close();
    std::string output;
    Waited waited = wait_for(running, reading, output, SteadyClock::now() + limit);
    if (waited == Waited::too_long) {
        running.signal_group(SIGTERM);
        wait_for(running, reading, output, SteadyClock::now() + kTermGrace);
        running.signal_group(SIGKILL);
    }
    int status = running.end();
    return judge(argv, waited, status, limit, std::move(output));
}

} // namespace mxseal::agent
