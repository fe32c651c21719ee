#include "agent/observe/smtp_starttls.hpp"

#include <array>

namespace mxseal::agent {

namespace {

using Outcome = StartTls::Outcome;

StartTls refused(Outcome outcome, std::string_view step, const SmtpReply& reply) {
    return {outcome, std::string(step) + ": the server answered \"" + escape_untrusted(reply.text()) + "\""};
}

StartTls greet(SmtpDialog& dialog, const std::string& ehlo_name) {
    Result<SmtpReply> greeting = dialog.read_reply();
    if (!greeting) return {Outcome::unreachable, "greeting: " + greeting.error().to_string()};
    if (greeting->code != 220) return refused(Outcome::unreachable, "greeting", *greeting);
    Result<SmtpReply> ehlo = dialog.command("EHLO " + ehlo_name);
    if (!ehlo) return {Outcome::unreachable, "EHLO: " + ehlo.error().to_string()};
    if (ehlo->code != 250) return refused(Outcome::not_offered, "EHLO", *ehlo);
    if (ehlo->offers("STARTTLS")) return {};
    (void)dialog.command("QUIT");
    return {Outcome::not_offered, "the answer to EHLO does not offer STARTTLS (A-18: it must, to every client)"};
}

} // namespace

TextChannel channel_over(TcpStream& stream, const Deadline& deadline) {
    return {[&stream, deadline](std::string_view text) { return stream.send_all(view_of(text), deadline); },
            [&stream, deadline]() -> Result<std::string> {
                std::array<std::uint8_t, 4096> buffer{};
                Result<std::size_t> got = stream.receive(buffer, deadline);
                if (!got) return std::move(got).error();
                if (*got == 0) return Error(ErrorCode::transient, "the server closed the connection", Retry::transient());
                return to_text(ByteView(buffer).first(*got));
            }};
}

StartTls start_tls(TcpStream& stream, const std::string& ehlo_name, const Deadline& deadline) {
    SmtpDialog dialog(channel_over(stream, deadline));
    if (StartTls greeted = greet(dialog, ehlo_name); greeted.outcome != Outcome::ready) return greeted;
    Result<SmtpReply> ready = dialog.command("STARTTLS");
    if (!ready) return {Outcome::unreachable, "STARTTLS: " + ready.error().to_string()};
    // RFC 3207 section 4: 220 alone means that TLS may begin.
    if (ready->code != 220) return refused(Outcome::not_offered, "STARTTLS", *ready);
    // what follows the 220 in plain text was put there by somebody without the key. None of it is used.
    if (dialog.has_leftover() || stream.has_unread())
        return {Outcome::injected, "plain text follows the reply to STARTTLS: somebody on the way injects it, or the server is broken"};
    return {};
}

} // namespace mxseal::agent
