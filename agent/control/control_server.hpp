// ControlServer: the control API on 127.0.0.1 and a random port (G-06). Its answers are ControlApi's, its limits control_connection.hpp's.
//
// Not cpprestsdk's http_listener, which was tried: before anybody asks for a token, a chunk length of "-2" ends the process, header and
// body are read into memory without a limit, and one idle connection keeps close() from returning.
#pragma once

#include "agent/runtime/desk.hpp"
#include "base/result.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>

namespace mxseal::agent {

class ControlServer {
public:
    // Listens, then writes control.json into `state`. `desk` must outlive the server; it is called from four threads.
    static Result<std::unique_ptr<ControlServer>> start(Desk& desk, const std::filesystem::path& state);
    ControlServer(const ControlServer&) = delete;
    ControlServer& operator=(const ControlServer&) = delete;
    ~ControlServer(); // removes control.json, closes, waits for the requests under way

    std::uint16_t port() const;

private:
    struct Impl;
    explicit ControlServer(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

} // namespace mxseal::agent
