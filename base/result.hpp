// Result and Error: the one way in which a function of mxseal says that it failed.
//
// Expected outcomes (NXDOMAIN, 404, a lost compare-and-swap) are values of the type that a function returns;
// an Error is for what the caller cannot go on from. Exceptions stop at the adapter of the library that throws them.
#pragma once

#include <cassert>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace mxseal {

// The classes of providers.md section 4, and the few that our own machine adds.
enum class ErrorCode {
    invalid,        // input that can never work: configuration, arguments, a malformed value
    not_found,      // the thing asked for does not exist
    auth_failed,    // credentials refused: stop the account, tell the operator
    clock_skew,     // peer and we disagree about the time
    not_managed,    // the zone or name is not served or not ours to write
    unsupported,    // the peer lacks the ability
    precondition,   // a compare-and-swap lost: read again, plan again
    cname_conflict, // a CNAME stands at the owner
    busy,           // the peer asks to come back soon
    rate_limited,   // the peer asks to come back at a given time
    transient,      // network, 5xx, SERVFAIL: retry with back-off
    ambiguous,      // the request may have been carried out: read before retrying
    not_published,  // accepted but not seen in DNS
    unsigned_zone,  // the chain of trust is missing
    bogus,          // the chain of trust is broken
    io,             // our own files, processes, disk
    protocol,       // the peer answered something that its protocol forbids
    refused,        // we refuse: the act would break a promise
    internal,       // a bug
};

std::string_view to_string(ErrorCode code);

// Whether trying again can help. `after` absent in `transient` means: the caller's own back-off.
struct Retry {
    enum class Kind { never, transient, after };
    Kind kind = Kind::never;
    std::chrono::milliseconds delay{0}; // for Kind::after: the least time to wait

    static Retry never() { return {Kind::never, {}}; }
    static Retry transient() { return {Kind::transient, {}}; }
    static Retry after(std::chrono::milliseconds delay) { return {Kind::after, delay}; }
};

class Error {
public:
    Error(ErrorCode code, std::string message, Retry retry = Retry::never())
        : code_(code), retry_(retry), message_(std::move(message)) {}

    // Text that a peer sent. Untrusted: escaped and cut when printed.
    Error&& with_peer_text(std::string text) && {
        peer_text_ = std::move(text);
        return std::move(*this);
    }
    // What was being done, outermost last: "publishing _25._tcp.mx1.example.org".
    Error&& in_context(std::string context) && {
        contexts_.push_back(std::move(context));
        return std::move(*this);
    }

    ErrorCode code() const { return code_; }
    Retry retry() const { return retry_; }
    const std::string& message() const { return message_; }
    const std::string& peer_text() const { return peer_text_; }

    // One line for people: contexts, our message, the peer's text escaped and cut to 300 characters.
    std::string to_string() const;

private:
    ErrorCode code_;
    Retry retry_;
    std::string message_;
    std::string peer_text_;
    std::vector<std::string> contexts_;
};

// Printable ASCII of untrusted text: control characters and bytes above 126 as \xNN, at most `limit` characters.
std::string escape_untrusted(std::string_view text, std::size_t limit = 300);

template <class T>
class [[nodiscard]] Result {
public:
    Result(T value) : value_(std::in_place_index<0>, std::move(value)) {}
    Result(Error error) : value_(std::in_place_index<1>, std::move(error)) {}

    bool ok() const { return value_.index() == 0; }
    explicit operator bool() const { return ok(); }

    T& value() & { assert(ok()); return std::get<0>(value_); }
    const T& value() const& { assert(ok()); return std::get<0>(value_); }
    T&& value() && { assert(ok()); return std::get<0>(std::move(value_)); }
    T* operator->() { return &value(); }
    const T* operator->() const { return &value(); }
    T& operator*() & { return value(); }
    const T& operator*() const& { return value(); }
    T&& operator*() && { return std::move(*this).value(); }

    const Error& error() const& { assert(!ok()); return std::get<1>(value_); }
    Error&& error() && { assert(!ok()); return std::get<1>(std::move(value_)); }

private:
    std::variant<T, Error> value_;
};

// Success without a value.
struct Done {};
using Status = Result<Done>;
inline Status done() { return Done{}; }

} // namespace mxseal
