// Owner: the TLSA RRset of one host as each name server hands it out, and what caches may hold of it.
#pragma once

#include "base/dns/tlsa.hpp"
#include "base/time.hpp"

#include <cstddef>
#include <optional>
#include <vector>

namespace mxseal::simulation {

struct Content {
    dns::TlsaSet records; // empty: secure denial
    Ttl ttl{0};
    bool operator==(const Content&) const = default;
};

// Who made a server answer as it does.
enum class Hand { ours, foreign }; // ours: mxseal's writes, their way to the secondaries, and what stood there before mxseal came

struct Copy {
    Content content;
    Hand hand = Hand::ours;
    Instant since{};
    std::optional<Instant> shown; // since then mxseal knows of it: an observation had it and was stored
    bool silent = false;       // beyond SOA EXPIRE: it answers nobody
};

// What some cache may hold though no server hands it out any more.
struct Remembered {
    dns::TlsaSet records;
    Instant until{};           // TTL, raised to the floor of resolvers, after the last hand-out; stale answers come on top
    std::optional<Instant> shown; // of a foreign hand's version: since when mxseal knows of it
};

class Owner {
public:
    Owner(std::size_t servers, Duration floor) : copies_(servers), floor_(floor) {}

    const Copy& copy(std::size_t server) const { return copies_[server]; }
    std::size_t servers() const { return copies_.size(); }
    void set(std::size_t server, Content content, Hand hand, Instant now);
    void silence(std::size_t server, Instant now);
    void show(std::size_t server, Instant now) {
        if (!copies_[server].shown) copies_[server].shown = now;
    }
    // mxseal's state is that of `then` again: what a foreign hand did later it knows no more of.
    void forget_shown_since(Instant then);
    // Largest TTL handed out in the seven days before `now` (W5).
    Duration largest_ttl(Instant now) const;
    // A write that may or may not be made later: whoever asked for it has to reckon with its TTL.
    void asked(Ttl ttl, Instant now);
    // A version that was handed out until just now, before the world began.
    void remember(const dns::TlsaSet& records, Ttl ttl, Instant last, std::optional<Instant> shown = std::nullopt);
    void forget(Instant now, Duration stale);

    // Calls f(records) for every version that a cache may hold at `now` and that mxseal has to reckon with: everything of `ours`,
    // and of a foreign hand what it was shown, or what stood at a visible server for longer than `fresh`. `after`: serve-stale and the
    // time between a sender's lookup and its handshake.
    template <class Visible, class F>
    void each_held(Instant now, Duration after, Duration fresh, Visible&& visible, F&& f) const {
        for (std::size_t server = 0; server < copies_.size(); ++server) {
            const Copy& copy = copies_[server];
            if (copy.silent || copy.content.records.empty()) continue;
            if (copy.hand == Hand::ours || copy.shown || (visible(server) && now - copy.since > fresh)) f(copy.content.records);
        }
        for (const Remembered& version : past_)
            if (now < version.until + after && !version.records.empty()) f(version.records);
    }
    // The last instant at which a version without `record` may be held, `after` included; absent: one may be handed out now.
    std::optional<Instant> held_without(const dns::TlsaRecord& record, Duration after) const;

private:
    void leave(const Copy& copy, Instant now);
    std::vector<Copy> copies_;
    std::vector<Remembered> past_;
    std::vector<std::pair<Ttl, Instant>> ttls_; // and when it was last handed out
    Duration floor_;
};

} // namespace mxseal::simulation
