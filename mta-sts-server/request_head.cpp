#include "mta-sts-server/request_head.hpp"

#include <algorithm>

#include <boost/beast/http.hpp>

namespace mxseal::server {

namespace {

namespace http = boost::beast::http;
using Kind = HeadReading::Kind;

std::string text(boost::beast::string_view view) { return {view.data(), view.size()}; }

HeadReading parse(std::string_view head) {
    http::request_parser<http::empty_body> parser;
    parser.eager(false);
    parser.skip(true); // a body is never read
    parser.header_limit(static_cast<std::uint32_t>(head.size()));
    boost::system::error_code error;
    parser.put(boost::asio::buffer(head.data(), head.size()), error);
    if (error || !parser.is_header_done()) return {Kind::malformed, {}};
    const auto& fields = parser.get();
    const auto hosts = fields.count(http::field::host);
    // RFC 9112 section 3.2: HTTP/1.1 has exactly one Host field.
    if (hosts > 1 || (hosts == 0 && fields.version() >= 11)) return {Kind::malformed, {}};
    HeadReading reading{Kind::complete, {}};
    reading.head.method = text(fields.method_string());
    reading.head.target = text(fields.target());
    if (hosts == 1) reading.head.host = text(fields[http::field::host]);
    const auto length = fields.find(http::field::content_length);
    reading.head.has_body = fields.count(http::field::transfer_encoding) > 0 || (length != fields.end() && length->value() != "0");
    return reading;
}

// `from` on; what is before was looked at.
bool has_lone_line_feed(std::string_view text, std::size_t from) {
    for (auto at = text.find('\n', from); at != std::string_view::npos; at = text.find('\n', at + 1))
        if (at == 0 || text[at - 1] != '\r') return true;
    return false;
}

} // namespace

HeadReading read_head(std::string_view received, std::size_t& looked_at, const Limits& limits) {
    // RFC 9112 section 2.2: an empty line before the request line is ignored; one is enough for anybody.
    if (received.starts_with("\r\n")) received.remove_prefix(2);
    // RFC 9112 section 2.2 lets us take a lone LF for an end of line; nobody sends it, and where two readers end a line differently, requests are smuggled.
    if (has_lone_line_feed(received, std::min(looked_at, received.size()))) return {Kind::malformed, {}};
    const auto line = received.substr(0, limits.request_line_bytes + 2).find("\r\n");
    if (line == std::string_view::npos && received.size() > limits.request_line_bytes) return {Kind::line_too_long, {}};
    const auto end = received.find("\r\n\r\n", std::min(looked_at, received.size()));
    looked_at = received.size() < 3 ? 0 : received.size() - 3;
    const auto size = end == std::string_view::npos ? received.size() : end + 4;
    if (size > limits.head_bytes) return {Kind::head_too_long, {}};
    if (end == std::string_view::npos) return {Kind::incomplete, {}};
    return parse(received.substr(0, size));
}

} // namespace mxseal::server
