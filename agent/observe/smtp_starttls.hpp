// The way from a TCP connection to the first octet of TLS under SMTP (RFC 3207), as a sender goes it.
#pragma once

#include "agent/observe/deadline.hpp"
#include "agent/observe/smtp_dialog.hpp"
#include "agent/observe/tcp_stream.hpp"

#include <string>

namespace mxseal::agent {

TextChannel channel_over(TcpStream& stream, const Deadline& deadline);

struct StartTls {
    enum class Outcome {
        ready,        // TLS may begin
        unreachable,  // no greeting, or the connection broke
        not_offered,  // STARTTLS is not offered, or refused
        injected,     // plain text follows the 220
    } outcome = Outcome::ready;
    std::string detail; // what went wrong, in words
};
StartTls start_tls(TcpStream& stream, const std::string& ehlo_name, const Deadline& deadline);

} // namespace mxseal::agent
