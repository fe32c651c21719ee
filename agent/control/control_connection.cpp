#include "agent/control/control_connection.hpp"

#include "base/bytes.hpp"
#include "base/time.hpp"

#include <algorithm>
#include <array>

#include <boost/beast/http.hpp>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace mxseal::agent {

namespace {

namespace http = boost::beast::http;
using Parser = http::request_parser<http::string_body>;

// Our clients send a request at once and read the answer at once (our choice).
constexpr Duration kReadMax = std::chrono::seconds(5);
constexpr Duration kWriteMax = std::chrono::seconds(30);

std::optional<std::string> decode(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out += text[i];
            continue;
        }
        auto octet = from_hex(text.substr(i + 1, 2));
        if (!octet || octet->size() != 1) return std::nullopt;
        out += static_cast<char>(octet->front());
        i += 2;
    }
    return out;
}

std::string text(boost::beast::string_view view) { return {view.data(), view.size()}; }

class Connection {
public:
    Connection(int descriptor, int stop) : descriptor_(descriptor), stop_(stop) {}
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    ~Connection() { ::close(descriptor_); }

    void serve(const ControlApi& api) {
        Parser parser;
        parser.header_limit(kControlHeadMax);
        parser.body_limit(kControlBodyMax);
        parser.eager(false);
        start(kReadMax);
        if (!read_until(parser, [&] { return parser.is_header_done(); })) return refuse(problem_);
        auto request = head_of(parser);
        if (!request) return refuse(control_error(400, ErrorCode::invalid, "the target of the request is not well formed"));
        if (auto refusal = api.refuse(*request)) return refuse(*refusal);
        parser.eager(true);
        if (!read_until(parser, [&] { return parser.is_done(); })) return refuse(problem_);
        request->body = parser.get().body();
        write(api.answer(*request));
    }

private:
    void start(Duration limit) { end_ = clock_.boot_time().since_boot + limit; }

    bool wait_for(short events) {
        const auto left = end_ - clock_.boot_time().since_boot;
        if (left <= Duration{0}) return false;
        std::array<pollfd, 2> entries{{{descriptor_, events, 0}, {stop_, POLLIN, 0}}};
        const bool reading = events == POLLIN; // an answer is written in any case
        return ::poll(entries.data(), reading ? 2 : 1, static_cast<int>(left.count())) > 0 && entries[0].revents != 0;
    }

    // False: `problem_` says what to answer. Ends by the parser's limits, or in time.
    template <class Done>
    bool read_until(Parser& parser, Done is_there) {
        while (!is_there()) {
            if (parse_what_is_here(parser)) continue;
            if (problem_.status != 0) return false;
            std::array<char, 4096> buffer;
            const auto count = wait_for(POLLIN) ? ::recv(descriptor_, buffer.data(), buffer.size(), 0) : -1;
            if (count <= 0) return (problem_ = control_error(408, ErrorCode::invalid, "the request did not come in time")), false;
            received_.append(buffer.data(), static_cast<std::size_t>(count));
        }
        return true;
    }

    // True when that took a step.
    bool parse_what_is_here(Parser& parser) {
        boost::system::error_code error;
        const auto used = received_.empty() ? 0 : parser.put(boost::asio::buffer(received_), error);
        received_.erase(0, used);
        if (!error) return used > 0;
        if (error == http::error::need_more) return used > 0;
        if (error == http::error::body_limit)
            problem_ = control_error(413, ErrorCode::invalid, fmt::format("the body is longer than {} octets", kControlBodyMax));
        else if (error == http::error::header_limit)
            problem_ = control_error(431, ErrorCode::invalid, fmt::format("the header is longer than {} octets", kControlHeadMax));
        else
            problem_ = control_error(400, ErrorCode::invalid, "this is not a request of HTTP/1.1");
        return false;
    }

    static std::optional<ControlRequest> head_of(Parser& parser) {
        const auto& fields = parser.get();
        const auto target = text(fields.target());
        const auto mark = std::min(target.find('?'), target.size());
        auto path = decode(target.substr(0, mark));
        auto query = parse_query(mark < target.size() ? target.substr(mark + 1) : "");
        if (!path || !query) return std::nullopt;
        ControlRequest request;
        request.method = text(fields.method_string());
        request.path = *std::move(path);
        request.query = *std::move(query);
        request.host = text(fields[http::field::host]);
        request.authorization = text(fields[http::field::authorization]);
        request.chunked = fields.count(http::field::transfer_encoding) > 0;
        request.content_length = static_cast<std::size_t>(parser.content_length().value_or(0));
        return request;
    }

    void write(const ControlReply& reply) {
        const auto body = reply.body.dump() + "\n";
        const auto reason = http::obsolete_reason(http::int_to_status(static_cast<unsigned>(reply.status)));
        auto answer = fmt::format("HTTP/1.1 {} {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n",
                                  reply.status, text(reason), body.size()) + body;
        start(kWriteMax);
        for (std::string_view rest = answer; !rest.empty();) {
            const auto count = wait_for(POLLOUT) ? ::send(descriptor_, rest.data(), rest.size(), MSG_NOSIGNAL | MSG_DONTWAIT) : -1;
            if (count <= 0) return; // the client has gone
            rest.remove_prefix(static_cast<std::size_t>(count));
        }
    }

    // With octets unread, close() resets the connection, and the answer may be lost: a little of them is taken.
    void refuse(const ControlReply& reply) {
        write(reply);
        ::shutdown(descriptor_, SHUT_WR);
        start(std::chrono::milliseconds(200));
        std::array<char, 4096> buffer;
        for (int round = 0; round < 64 && wait_for(POLLIN); ++round)
            if (::recv(descriptor_, buffer.data(), buffer.size(), 0) <= 0) return;
    }

    const int descriptor_, stop_;
    const SystemClock clock_;
    Duration end_{0};          // time since boot
    std::string received_;     // not parsed yet
    ControlReply problem_{0, {}};
};

} // namespace

std::optional<std::vector<std::pair<std::string, std::string>>> parse_query(std::string_view query) {
    std::vector<std::pair<std::string, std::string>> out;
    while (!query.empty()) {
        const auto part = query.substr(0, query.find('&'));
        query.remove_prefix(std::min(part.size() + 1, query.size()));
        const auto equals = std::min(part.find('='), part.size());
        auto name = decode(part.substr(0, equals));
        auto value = decode(part.substr(std::min(equals + 1, part.size())));
        if (!name || !value) return std::nullopt;
        if (!part.empty()) out.emplace_back(*std::move(name), *std::move(value));
    }
    return out;
}

void serve_connection(int descriptor, const ControlApi& api, int stop) {
    Connection connection(descriptor, stop);
    connection.serve(api);
}

} // namespace mxseal::agent
