// Pebble, the test CA of Let's Encrypt, as a child process on loopback ports of its own; stopped by its pid.
#pragma once

#include "tests/temporary_folder.hpp"

#include <sys/types.h>

#include <cstdint>
#include <string>

namespace mxseal::agent::testing {

class Pebble {
public:
    // The ports at which it looks for http-01 and tls-alpn-01.
    explicit Pebble(std::uint16_t dns_port, std::uint16_t http_port = 5002, std::uint16_t tls_port = 5001);
    ~Pebble();
    Pebble(const Pebble&) = delete;
    Pebble& operator=(const Pebble&) = delete;

    std::string directory() const;
    std::string ca_file() const { return (folder_ / "cert.pem").string(); }

private:
    void write_files(std::uint16_t management_port, std::uint16_t http_port, std::uint16_t tls_port) const;
    void start(std::uint16_t dns_port);
    void await() const;

    TemporaryFolder folder_;
    std::uint16_t port_ = 0;
    pid_t pid_ = -1;
};

} // namespace mxseal::agent::testing
