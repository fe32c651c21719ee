// The account at one CA (RFC 8555 section 7.3): its key sealed and journaled before the CA hears of it, so that a crash
// in between finds the same account again.
#pragma once

#include "agent/acme/acme_session.hpp"
#include "agent/acme/authority.hpp"

#include <string>
#include <vector>

namespace mxseal::agent {

struct AccountOptions {
    std::string name;                 // of the acme entry in the configuration, for messages
    std::string directory;
    std::vector<std::string> contact; // "mailto:hostmaster@example.org"
    bool accept_terms = false;
};

struct AcmeAccount {
    AccountKey key;
    std::string url; // `kid`
};

// The journaled account, or a new one; contacts that changed are told to the CA.
Result<AcmeAccount> open_account(AcmeSession& session, Journal& journal, const AccountOptions& options);
// After accountDoesNotExist: registered anew, under the same key, by the next open_account().
Status forget_account(Journal& journal, const std::string& directory);

} // namespace mxseal::agent
