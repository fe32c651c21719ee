// A server that a test starts and stops, and the folder that it lives in.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <sys/types.h>

namespace mxseal::conformance {

// A new empty folder, removed with all that is in it.
class TemporaryFolder {
public:
    TemporaryFolder();
    ~TemporaryFolder();
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    const std::filesystem::path& path() const { return path_; }
    void write(const std::string& name, const std::string& text) const;

private:
    std::filesystem::path path_;
};

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
