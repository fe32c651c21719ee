// ControlServer: the control API on 127.0.0.1 and a random port (G-06), by cpprestsdk's listener. Its answers are ControlApi's.
//
// Requests come on the threads of cpprestsdk's pool and call the desk from there.
#pragma once

#include "agent/runtime/desk.hpp"
#include "base/result.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>

namespace mxseal::agent {

class ControlServer {
public:
    // Listens, then writes control.json into `state`. `desk` must outlive the server.
    static Result<std::unique_ptr<ControlServer>> start(Desk& desk, const std::filesystem::path& state);
    ControlServer(const ControlServer&) = delete;
    ControlServer& operator=(const ControlServer&) = delete;
    ~ControlServer(); // removes control.json, closes, waits for the requests under way

    std::uint16_t port() const;

private:
    struct Impl;
    explicit ControlServer(std::shared_ptr<Impl> impl);
    std::shared_ptr<Impl> impl_;
};

} // namespace mxseal::agent
