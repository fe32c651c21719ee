#include "agent/observe/smtp_dialog.hpp"

#include <algorithm>
#include <cctype>

namespace mxseal::agent {
namespace {

// RFC 5321 section 4.5.3.1.5 allows 512 octets a reply line; four times that, our choice, because servers exceed it.
constexpr std::size_t kLineBytesMax = 2048;
// Our choice: the longest EHLO replies in the wild have about 20 lines.
constexpr std::size_t kReplyLinesMax = 100;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool same_letters(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](unsigned char x, unsigned char y) {
        return std::toupper(x) == std::toupper(y);
    });
}

Error no_smtp(std::string what, std::string line) {
    return Error(ErrorCode::protocol, std::move(what)).with_peer_text(std::move(line));
}

// RFC 5321 section 4.2.1: three digits, then '-' for a line that is followed, ' ' or nothing for the last one.
bool is_reply_line(const std::string& line) {
    return line.size() >= 3 && std::all_of(line.begin(), line.begin() + 3, is_digit) &&
           (line.size() == 3 || line[3] == ' ' || line[3] == '-');
}

} // namespace

bool SmtpReply::offers(std::string_view keyword) const {
    // The first line of an EHLO reply is the server's name (RFC 5321 section 4.1.1.1).
    return lines.size() > 1 && std::any_of(lines.begin() + 1, lines.end(), [&](const std::string& line) {
        return same_letters(std::string_view(line).substr(0, line.find(' ')), keyword);
    });
}

std::string SmtpReply::text() const { return std::to_string(code) + " " + (lines.empty() ? std::string() : lines.front()); }

Result<std::string> SmtpDialog::read_line() {
    std::size_t end = buffer_.find('\n');
    while (end == std::string::npos) {
        if (buffer_.size() > kLineBytesMax) return no_smtp("the server sent a line of more than 2048 octets", buffer_);
        Result<std::string> more = channel_.receive();
        if (!more) return more;
        buffer_ += *more;
        end = buffer_.find('\n');
    }
    std::string line = buffer_.substr(0, end);
    buffer_.erase(0, end + 1);
    if (line.size() > kLineBytesMax) return no_smtp("the server sent a line of more than 2048 octets", line);
    if (!line.empty() && line.back() == '\r') line.pop_back();
    return line;
}

Result<SmtpReply> SmtpDialog::read_reply() {
    SmtpReply reply;
    while (reply.lines.size() < kReplyLinesMax) {
        Result<std::string> line = read_line();
        if (!line) return std::move(line).error();
        if (!is_reply_line(*line)) return no_smtp("the server does not speak SMTP", *line);
        reply.code = std::stoi(line->substr(0, 3));
        reply.lines.push_back(line->size() > 4 ? line->substr(4) : std::string());
        if (line->size() == 3 || (*line)[3] == ' ') return reply;
    }
    return no_smtp("the server sent a reply of more than 100 lines", reply.text());
}

Status SmtpDialog::send_line(std::string_view line) { return channel_.send(std::string(line) + "\r\n"); }

Result<SmtpReply> SmtpDialog::command(std::string_view line) {
    if (Status sent = send_line(line); !sent) return std::move(sent).error();
    return read_reply();
}

} // namespace mxseal::agent
