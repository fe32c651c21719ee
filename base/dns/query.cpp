#include "base/dns/query.hpp"

#include "base/dns/socket.hpp"
#include "base/dns/wire.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace mxseal::dns {

namespace {

// Our choice: more stray datagrams than this within one try is an attack or a loop, not lateness.
constexpr int kStrayDatagramsMax = 64;
constexpr int kFormErr = 1;

struct Query {
    Question question;
    std::uint16_t id = 0;
    Bytes wire;
};

// RFC 5452 section 9.1: an answer counts only if id and question are those of the query.
bool answers(const ParsedMessage& parsed, const Query& query) {
    if (parsed.id != query.id || !parsed.response || parsed.opcode != 0) return false;
    // RFC 1035 section 4.1.1: a server that could not read the question cannot repeat it.
    if (parsed.question_count == 0) return parsed.message.rcode == kFormErr;
    return parsed.question && parsed.question->name == query.question.name && parsed.question->type == query.question.type;
}

Error no_answer(const Endpoint& server, const Query& query, std::string_view why) {
    return Error(ErrorCode::protocol, fmt::format("{}: what came is no answer for {} {}: {}", server.to_string(), query.question.name.text(),
                                                  to_string(query.question.type), why),
                 Retry::transient());
}

Result<Message> try_udp(const Endpoint& server, const Query& query, Duration timeout) {
    auto socket = UdpSocket::open(server);
    if (!socket.ok()) return std::move(socket).error();
    if (auto sent = socket->send(query.wire); !sent.ok()) return std::move(sent).error();
    auto deadline = Deadline::in(timeout);
    for (int stray = 0; stray < kStrayDatagramsMax; ++stray) {
        auto datagram = socket->receive(deadline);
        if (!datagram.ok()) return std::move(datagram).error();
        auto parsed = parse_message(*datagram);
        if (parsed.ok() && answers(*parsed, query)) return std::move(parsed->message);
    }
    return no_answer(server, query, fmt::format("{} datagrams that do not belong to it", kStrayDatagramsMax));
}

Result<Message> try_tcp(const Endpoint& server, const Query& query, Duration timeout) {
    auto deadline = Deadline::in(timeout);
    auto connection = TcpConnection::open(server, deadline);
    if (!connection.ok()) return std::move(connection).error();
    if (auto sent = connection->send(query.wire, deadline); !sent.ok()) return std::move(sent).error();
    auto wire = connection->receive(deadline);
    if (!wire.ok()) return std::move(wire).error();
    auto parsed = parse_message(*wire);
    if (!parsed.ok()) return no_answer(server, query, parsed.error().message());
    if (!answers(*parsed, query)) return no_answer(server, query, "id or question differ");
    return std::move(parsed->message);
}

} // namespace

Result<Message> exchange(const Endpoint& server, const Question& question, const QueryOptions& options) {
    std::optional<Error> last;
    for (int attempt = 0; attempt < std::min(options.udp_tries, 10); ++attempt) {
        Query query{question, random_id(), {}}; // RFC 5452 section 9.2: a new id for each try
        auto wire = query_message(query.id, question, options.recursion_desired, options.dnssec_ok);
        if (!wire.ok()) return std::move(wire).error();
        query.wire = std::move(*wire);
        auto answer = try_udp(server, query, options.timeout);
        // RFC 7766 section 5: a truncated answer is asked again over TCP.
        if (answer.ok() && answer->truncated) {
            last.reset();
            break;
        }
        if (answer.ok() || answer.error().code() == ErrorCode::invalid) return answer;
        last = std::move(answer).error();
    }
    if (last) return std::move(*last);
    Query query{question, random_id(), {}};
    auto wire = query_message(query.id, question, options.recursion_desired, options.dnssec_ok);
    if (!wire.ok()) return std::move(wire).error();
    query.wire = std::move(*wire);
    return try_tcp(server, query, options.timeout);
}

} // namespace mxseal::dns
