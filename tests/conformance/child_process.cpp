#include "tests/conformance/child_process.hpp"

#include <csignal>
#include <stdexcept>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace mxseal::conformance {

namespace {

// The port that the kernel picked, or 0.
std::uint16_t bound_port(int descriptor, std::uint16_t wanted) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(wanted);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (bind(descriptor, reinterpret_cast<sockaddr*>(&address), size) != 0) return 0;
    if (getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
    return ntohs(address.sin_port);
}

} // namespace

ChildProcess::ChildProcess(const std::vector<std::string>& command, const std::filesystem::path& log) {
    std::vector<char*> arguments;
    for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    int output = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    pid_ = fork();
    if (pid_ < 0) throw std::runtime_error("cannot fork");
    if (pid_ == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(output, STDOUT_FILENO);
        dup2(output, STDERR_FILENO);
        execv(arguments[0], arguments.data());
        _exit(127);
    }
    close(output);
}

ChildProcess::~ChildProcess() {
    kill(pid_, SIGTERM);
    for (int i = 0; i < 100; ++i) {
        if (waitpid(pid_, nullptr, WNOHANG) == pid_) return;
        pause_ms(50);
    }
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
}

std::uint16_t free_port() {
    for (int i = 0; i < 100; ++i) {
        int tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        std::uint16_t port = bound_port(tcp, 0);
        bool both = port != 0 && bound_port(udp, port) == port;
        close(tcp);
        close(udp);
        if (both) return port;
    }
    throw std::runtime_error("no free port");
}

void pause_ms(int milliseconds) { poll(nullptr, 0, milliseconds); }

} // namespace mxseal::conformance
