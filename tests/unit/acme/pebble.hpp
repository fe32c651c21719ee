// Pebble, the test CA of Let's Encrypt, as a child process on loopback ports of its own; stopped by its pid.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string>

namespace mxseal::agent::testing {

class Pebble {
public:
    explicit Pebble(std::uint16_t dns_port);
    ~Pebble();
    Pebble(const Pebble&) = delete;
    Pebble& operator=(const Pebble&) = delete;

    std::string directory() const;
    std::string ca_file() const { return (folder_ / "cert.pem").string(); }

private:
    void write_files(std::uint16_t management_port) const;
    void start(std::uint16_t dns_port);
    void await() const;

    std::filesystem::path folder_;
    std::uint16_t port_ = 0;
    pid_t pid_ = -1;
};

} // namespace mxseal::agent::testing
