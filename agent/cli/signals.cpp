#include "agent/cli/signals.hpp"

#include <cstdint>

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace mxseal::cli {

HeldSignals::HeldSignals(std::initializer_list<int> signals) {
    sigset_t set;
    sigemptyset(&set);
    for (int signal : signals) sigaddset(&set, signal);
    pthread_sigmask(SIG_BLOCK, &set, &before_);
    descriptor_ = ::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

HeldSignals::~HeldSignals() {
    while (next()) {} // taken: they asked for the end that comes now; the kernel keeps one of each kind at most
    if (descriptor_ >= 0) ::close(descriptor_);
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

std::optional<int> HeldSignals::next() {
    signalfd_siginfo info{};
    if (::read(descriptor_, &info, sizeof info) != static_cast<ssize_t>(sizeof info)) return std::nullopt;
    return static_cast<int>(info.ssi_signo);
}

std::optional<int> HeldSignals::wait(Duration duration) {
    pollfd entry{descriptor_, POLLIN, 0};
    ::poll(&entry, 1, static_cast<int>(duration.count()));
    return next();
}

SignalWatcher::SignalWatcher(agent::Signals& signals) : signals_(signals), held_({SIGTERM, SIGINT, SIGHUP}), leave_(::eventfd(0, EFD_CLOEXEC)) {
    thread_ = std::thread([this] { watch(); });
}

SignalWatcher::~SignalWatcher() {
    const std::uint64_t one = 1;
    // Fails only when the counter overflows, at the 2^64th time.
    if (::write(leave_, &one, sizeof one) == static_cast<ssize_t>(sizeof one)) thread_.join();
    ::close(leave_);
}

void SignalWatcher::watch() {
    for (;;) {
        pollfd entries[2] = {{held_.descriptor(), POLLIN, 0}, {leave_, POLLIN, 0}};
        ::poll(entries, 2, -1);
        while (auto signal = held_.next()) (*signal == SIGHUP ? signals_.reload : signals_.stop) = true;
        if (entries[1].revents != 0) return;
    }
}

} // namespace mxseal::cli
