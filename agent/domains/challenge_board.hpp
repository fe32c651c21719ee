// ChallengeBoard: what CAs may ask the endpoint for while certificates are ordered (http-01, tls-alpn-01), and the publishers that orders
// put it there by. Any thread. Each change is a whole new set: handed to the embedded endpoint, and written beside the snapshot.
#pragma once

#include "agent/acme/authority.hpp"
#include "mta-sts-server/challenges.hpp"

#include <functional>
#include <memory>
#include <mutex>

namespace mxseal::agent {

class ChallengeBoard {
public:
    using Sink = std::function<Status(std::shared_ptr<const server::Challenges>)>;

    // `show` is called with each new set, one call at a time; an error means that nobody can see the challenge.
    // `until_seen` is called after one was added, by the thread that orders: it waits until whoever answers has taken it.
    ChallengeBoard(Sink show, std::function<Status()> until_seen);

    // The values that these take are key authorizations (RFC 8555 section 8.1): "token.thumbprint".
    ChallengePublisher& http() { return http_; }
    ChallengePublisher& tls_alpn() { return tls_alpn_; }

private:
    class Http final : public ChallengePublisher {
    public:
        explicit Http(ChallengeBoard& board) : board_(board) {}
        Status publish(const dns::Name& name, const std::string& value) override;
        Status remove(const dns::Name& name, const std::string& value) override;

    private:
        ChallengeBoard& board_;
    };
    class TlsAlpn final : public ChallengePublisher {
    public:
        explicit TlsAlpn(ChallengeBoard& board) : board_(board) {}
        Status publish(const dns::Name& name, const std::string& value) override;
        Status remove(const dns::Name& name, const std::string& value) override;

    private:
        ChallengeBoard& board_;
    };

    template <class Change>
    Status change(Change&& change);

    Sink show_;
    std::function<Status()> until_seen_;
    std::mutex mutex_;
    std::shared_ptr<const server::Challenges> shown_ = std::make_shared<server::Challenges>();
    Http http_;
    TlsAlpn tls_alpn_;
};

} // namespace mxseal::agent
