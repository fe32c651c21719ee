// MxHostProbe: an MX host as a sender under MTA-STS sees it (RFC 8461 section 4.1; C-35): STARTTLS on port 25 at every address, SNI the
// host's name, a chain that WebPKI trusts for that name. Contacts only the addresses it finds, sends no mail. Blocks: for workers.
#pragma once

#include "agent/observe/observer.hpp"
#include "agent/observe/starttls_prober.hpp"

#include <filesystem>
#include <memory>
#include <optional>

struct x509_store_st;

namespace mxseal::agent {

class MxHostProbe {
public:
    struct Options {
        std::optional<std::filesystem::path> ca_file; // roots in place of the system's
        bool allow_private = false;                   // G-05: else such an address is not contacted, and that is a trouble
        std::uint16_t port = 25;
        ProberOptions limits;
    };
    // `invalid`: the roots cannot be read. `clock` and `observer` outlive the probe.
    static Result<std::unique_ptr<MxHostProbe>> create(const Clock& clock, Observer& observer, Options options);

    // Empty: every address is fine; else what is wrong at the first that is not. Any thread.
    std::string trouble_of(const dns::Name& host);

private:
    struct Free { void operator()(x509_store_st* store) const; };
    MxHostProbe(const Clock& clock, Observer& observer, Options options, TlsClient tls) : clock_(clock), observer_(observer), options_(std::move(options)), tls_(std::move(tls)) {}
    std::string trouble_at(const dns::Name& host, const std::string& address);
    std::string distrust(const TlsSession& session, const dns::Name& host) const;

    const Clock& clock_;
    Observer& observer_;
    Options options_;
    TlsClient tls_;
    std::unique_ptr<x509_store_st, Free> roots_;
};

} // namespace mxseal::agent
