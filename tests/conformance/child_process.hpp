// A server that a test starts and stops.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <sys/types.h>

namespace mxseal::conformance {

// Ends by its own pid: SIGTERM, and SIGKILL when it has not ended within 5 s. Also ends with its parent.
class ChildProcess {
public:
    // Output goes to `log`.
    ChildProcess(const std::vector<std::string>& command, const std::filesystem::path& log);
    ~ChildProcess();
    ChildProcess(const ChildProcess&) = delete;
    ChildProcess& operator=(const ChildProcess&) = delete;

private:
    pid_t pid_ = -1;
};

// A port of 127.0.0.1 that is free for TCP and UDP now.
std::uint16_t free_port();

void pause_ms(int milliseconds); // between two looks at something that a server does

} // namespace mxseal::conformance
