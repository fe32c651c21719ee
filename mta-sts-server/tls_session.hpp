// TlsSession: one TLS connection over a Wire. The site is chosen by SNI while the ClientHello is read; a name that is not
// served ends in an alert (C-22), before anything costly is done.
#pragma once

#include "mta-sts-server/site_shelf.hpp"
#include "mta-sts-server/tls_context.hpp"
#include "mta-sts-server/wire.hpp"

#include <memory>
#include <optional>
#include <string_view>

struct ssl_st;

namespace mxseal::server {

class TlsSession {
public:
    // Both must outlive the session and stay where they are. Null without memory.
    static std::unique_ptr<TlsSession> make(const TlsContext& context, SiteShelf& shelf, Wire& wire);

    enum class Step { done, wants_more, failed };
    Step handshake();                          // what is to be sent stands in the wire, an alert too
    Step read(std::string& into, std::size_t most);
    void answer(std::string_view octets);      // the octets and a close_notify, into the wire

    const LoadedSite* site() const { return site_.get(); } // after the handshake
    bool is_challenge() const { return challenge_; }       // it was tls-alpn-01: nothing is asked in it
    enum class Refusal { none, unknown_name, no_name, broken_site };
    Refusal refusal() const { return refusal_; }
    const std::optional<Error>& trouble() const { return trouble_; } // of a broken site

private:
    friend struct TlsCallbacks;
    explicit TlsSession(SiteShelf& shelf) : shelf_(shelf) {}
    struct Free {
        void operator()(ssl_st* session) const;
    };
    SiteShelf& shelf_;
    std::unique_ptr<ssl_st, Free> session_;
    std::shared_ptr<const LoadedSite> site_;
    bool challenge_ = false;
    Refusal refusal_ = Refusal::none;
    std::optional<Error> trouble_;
};

} // namespace mxseal::server
