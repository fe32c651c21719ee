// Connection: one client, from its first octet to the close. Only the thread of its loop touches it.
#pragma once

#include "base/file_descriptor.hpp"
#include "mta-sts-server/address_table.hpp"
#include "mta-sts-server/answers.hpp"
#include "mta-sts-server/counters.hpp"
#include "mta-sts-server/limits.hpp"
#include "mta-sts-server/tls_session.hpp"
#include "mta-sts-server/wire.hpp"

#include <functional>
#include <memory>
#include <span>
#include <string>

namespace mxseal::server {

// Where a client came in: policies over TLS, http-01 (RFC 8555 section 8.3 wants port 80), or the operator's own address.
enum class Door { https, http, status };

// What a connection needs of its loop.
struct Surroundings {
    const Limits& limits;
    const TlsContext& tls;
    SiteShelf& shelf;
    Counters& counters;
    std::span<std::uint8_t> scratch;                // for one read
    std::string_view date;                          // as http_date() writes it
    std::function<void(const Error&)> broken_site;  // told when a site cannot be served
    std::function<std::string()> report;            // for Door::status
};

class Connection {
public:
    // Each has one time limit: handshake and hello share the first, answer and linger the last.
    enum class Phase { hello, handshake, head, answer, linger, closed };

    Connection(FileDescriptor socket, Door door, AddressKey address);
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    // The socket has something for us, or takes something again.
    void advance(const Surroundings& around);
    void close();

    Phase phase() const { return phase_; }
    int socket() const { return socket_.get(); }
    AddressKey address() const { return address_; }
    bool has_session() const { return session_made_; } // work on TLS was done for it
    bool wants_to_write() const { return !wire_.out.empty(); }

private:
    Phase hello(const Surroundings& around);
    Phase handshake(const Surroundings& around);
    Phase head(const Surroundings& around);
    Phase answer(const Surroundings& around, const HeadReading& reading);
    Phase sending();
    Phase linger(const Surroundings& around);
    Phase finish(bool everything_read);
    void receive_plain(const Surroundings& around);
    void note_refusal(const Surroundings& around) const;

    FileDescriptor socket_;
    const Door door_;
    const AddressKey address_;
    Phase phase_;
    Wire wire_;
    std::unique_ptr<TlsSession> tls_; // from the first whole record on: before it a client costs little
    std::string received_;            // octets of the first record, then of the head
    std::size_t looked_at_ = 0;
    bool session_made_ = false;
    bool everything_read_ = false;    // nothing of the peer's is known to lie unread
};

} // namespace mxseal::server
