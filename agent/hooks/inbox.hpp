// Inbox: pairs that hooks left in the state folder, for whichever mxseal is at work next. A file a pair, named by its certificate: the chain,
// and the key where the client made it; 0600, in a folder of mode 0700, both of the state folder's owner (G-01).
//
// Any process of the operator may leave one; the holder of the lease takes them.
#pragma once

#include "agent/keys/client_pair.hpp"
#include "base/result.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace mxseal::agent {

class Inbox {
public:
    explicit Inbox(const std::filesystem::path& state) : folder_(state / "inbox") {}

    // Durable when it returns: complete under its name or not there. `not_found`: there is no state folder yet.
    Status leave(const ClientPair& pair) const;
    bool holds(const std::string& id) const;
    // Names of what lies there, at most `kInboxMax`, in order; nothing when there is no folder.
    Result<std::vector<std::string>> list() const;
    // Checked anew: it may have expired since.
    Result<ClientPair> read(const std::string& id, Instant now) const;
    Status remove(const std::string& id) const;

private:
    std::filesystem::path folder_;
};

// Our choice: a machine has a few MX hosts, and each pair is taken within the hour.
inline constexpr std::size_t kInboxMax = 64;

} // namespace mxseal::agent
