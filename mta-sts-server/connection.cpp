#include "mta-sts-server/connection.hpp"

#include <sys/socket.h>

namespace mxseal::server {

namespace {

using Phase = Connection::Phase;

// RFC 8446 section 5.1: a record is 5 octets of header and at most 2^14 of content; a handshake record is of type 22.
constexpr std::size_t kRecordHeader = 5, kRecordMax = 16384;
constexpr std::uint8_t kHandshakeRecord = 22;

enum class FirstRecord { incomplete, complete, none };

FirstRecord first_record(ByteView octets) {
    if (octets[0] != kHandshakeRecord) return FirstRecord::none;
    if (octets.size() < kRecordHeader) return FirstRecord::incomplete;
    const std::size_t size = (std::size_t{octets[3]} << 8) | octets[4];
    if (size > kRecordMax) return FirstRecord::none;
    return octets.size() < kRecordHeader + size ? FirstRecord::incomplete : FirstRecord::complete;
}

} // namespace

Connection::Connection(FileDescriptor socket, Door door, AddressKey address)
    : socket_(std::move(socket)), door_(door), address_(address), phase_(door == Door::https ? Phase::hello : Phase::head) {
    wire_.socket = socket_.get();
}

void Connection::close() {
    tls_.reset();
    socket_.close();
    phase_ = Phase::closed;
}

void Connection::advance(const Surroundings& around) {
    wire_.drained = false;
    if (phase_ == Phase::hello)
        phase_ = hello(around);
    else if (phase_ == Phase::handshake)
        phase_ = handshake(around);
    if (phase_ == Phase::head) phase_ = head(around);
    if (phase_ == Phase::answer) phase_ = sending();
    if (phase_ == Phase::linger) phase_ = linger(around);
    wire_.at_hand = {}; // in the scratch, which is somebody else's now
    if (phase_ == Phase::closed) close();
}

// The session is made when the first record is whole: who sends nothing, or an octet now and then, holds no TLS state.
Phase Connection::hello(const Surroundings& around) {
    const auto count = wire_.receive(around.scratch);
    if (count == 0) return wire_.ended ? Phase::closed : Phase::hello;
    ByteView octets = around.scratch.first(count);
    if (!received_.empty()) {
        received_.append(octets.begin(), octets.end());
        octets = view_of(received_);
    }
    switch (first_record(octets)) {
    case FirstRecord::none: server::count(around.counters.no_tls); return Phase::closed;
    case FirstRecord::incomplete:
        if (received_.empty()) received_.assign(octets.begin(), octets.end());
        return wire_.ended ? Phase::closed : Phase::hello;
    case FirstRecord::complete: break;
    }
    tls_ = TlsSession::make(around.tls, around.shelf, wire_);
    if (!tls_) return Phase::closed; // no memory
    session_made_ = true;
    wire_.at_hand = octets;
    const auto next = handshake(around);
    // OpenSSL takes 16 KiB at once; who has sent more before our first word is no sender.
    if (!wire_.at_hand.empty()) return Phase::closed;
    received_.clear();
    return next;
}

Phase Connection::handshake(const Surroundings& around) {
    const auto step = tls_->handshake();
    if (!wire_.send()) return Phase::closed;
    switch (step) {
    case TlsSession::Step::wants_more: return wire_.ended ? Phase::closed : Phase::handshake;
    case TlsSession::Step::failed: note_refusal(around); return finish(wire_.drained);
    case TlsSession::Step::done: break;
    }
    server::count(around.counters.handshakes);
    if (!tls_->is_challenge()) return Phase::head;
    // RFC 8737 section 3: the CA looks at the certificate; nothing is asked.
    server::count(around.counters.answered);
    tls_->answer({});
    return finish(wire_.drained);
}

void Connection::note_refusal(const Surroundings& around) const {
    switch (tls_->refusal()) {
    case TlsSession::Refusal::none: server::count(around.counters.no_tls); return;
    case TlsSession::Refusal::unknown_name:
    case TlsSession::Refusal::no_name: server::count(around.counters.unknown_names); return;
    case TlsSession::Refusal::broken_site: around.broken_site(*tls_->trouble()); return;
    }
}

void Connection::receive_plain(const Surroundings& around) {
    const auto count = wire_.receive(around.scratch);
    received_.append(around.scratch.begin(), around.scratch.begin() + static_cast<std::ptrdiff_t>(count));
}

Phase Connection::head(const Surroundings& around) {
    // Bounded: each round takes octets, and read_head() ends it at head_bytes.
    for (;;) {
        const auto before = received_.size();
        const bool broken = tls_ ? tls_->read(received_, around.limits.head_bytes + 1) == TlsSession::Step::failed : (receive_plain(around), false);
        const auto reading = read_head(received_, looked_at_, around.limits);
        if (reading.kind != HeadReading::Kind::incomplete) return answer(around, reading);
        // What the session itself has to say, an alert for example, does not wait for the answer: unsent, it would keep the loop awake.
        if (!wire_.send() || broken || wire_.ended) return Phase::closed;
        if (wire_.drained || received_.size() == before) return Phase::head;
    }
}

Phase Connection::answer(const Surroundings& around, const HeadReading& reading) {
    Answer answer;
    switch (door_) {
    case Door::https: answer = answer_tls(reading, tls_->site()->name, tls_->site()->policy, tls_->site()->generation); break;
    case Door::http: answer = answer_plain(reading, around.shelf.challenges()); break;
    case Door::status: answer = answer_status(reading, around.report()); break;
    }
    server::count(answer.status == 200 ? around.counters.answered : around.counters.refused);
    std::string octets;
    octets.reserve(256 + answer.body.size());
    write_answer(octets, answer, around.date);
    if (tls_)
        tls_->answer(octets);
    else
        wire_.out = std::move(octets);
    return finish(wire_.drained && reading.kind == HeadReading::Kind::complete && !reading.head.has_body);
}

Phase Connection::finish(bool everything_read) {
    everything_read_ = everything_read;
    return Phase::answer;
}

Phase Connection::sending() {
    if (!wire_.send()) return Phase::closed;
    if (!wire_.out.empty()) return Phase::answer;
    // With octets unread, close() resets the connection and the answer may be lost (RFC 9112 section 9.6).
    if (everything_read_ || wire_.ended) return Phase::closed;
    ::shutdown(socket_.get(), SHUT_WR);
    return Phase::linger;
}

Phase Connection::linger(const Surroundings& around) {
    while (wire_.receive(around.scratch) > 0) {} // bounded: the wire's allowance
    return wire_.ended ? Phase::closed : Phase::linger;
}

} // namespace mxseal::server
