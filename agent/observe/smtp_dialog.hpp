// The few lines of SMTP that a probe speaks: greeting, EHLO, STARTTLS before the handshake, QUIT after it.
//
// The text channel is handed in, so that the same reader works on plain TCP and inside TLS.
#pragma once

#include "agent/observe/deadline.hpp"
#include "base/result.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace mxseal::agent {

// A reply of RFC 5321 section 4.2, its lines without code and line end.
struct SmtpReply {
    int code = 0;
    std::vector<std::string> lines;
    bool offers(std::string_view keyword) const; // of an EHLO reply; any case
    std::string text() const;                    // "250 mx1.example.org ...": the first line, for messages
};

struct TextChannel {
    std::function<Status(std::string_view)> send;
    // Some more octets, at least one; an error at the end of the stream or at the deadline.
    std::function<Result<std::string>()> receive;
};

class SmtpDialog {
public:
    explicit SmtpDialog(TextChannel channel) : channel_(std::move(channel)) {}

    Result<SmtpReply> read_reply();
    Result<SmtpReply> command(std::string_view line); // without CRLF
    Status send_line(std::string_view line);
    // Octets that came after the last reply: after the 220 to STARTTLS there must be none.
    bool has_leftover() const { return !buffer_.empty(); }

private:
    Result<std::string> read_line();

    TextChannel channel_;
    std::string buffer_;
};

} // namespace mxseal::agent
