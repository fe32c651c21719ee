// PairTaker: takes what hooks left in the inbox into the vault, and tells the hosts that it is for. Used by whoever holds the lease.
#pragma once

#include "agent/config/config.hpp"
#include "agent/hooks/inbox.hpp"
#include "agent/keys/key_vault.hpp"
#include "agent/runtime/runtime.hpp"

namespace mxseal::agent {

class PairTaker {
public:
    PairTaker(const Config& config, KeyVault& vault, const Clock& clock, Runtime& runtime) : config_(config), vault_(vault), clock_(clock), runtime_(runtime), inbox_(config.state) {}

    // [{"pair": name in the inbox, "host", "text", "refused": bool}]. A pair whose fate is stored leaves the inbox; one that no configured host
    // wants stays until it expires, for the configuration may be read again.
    Json take();

private:
    void take_one(const std::string& id, Json& replies);
    Runtime::Brought bring_to(const HostConfig& host, const ClientPair& pair);
    Status keep(const HostConfig& host, const ClientPair& pair);
    Result<rotation::tlsa::Key> facts_of(const HostConfig& host, const ClientPair& pair) const;

    const Config& config_;
    KeyVault& vault_;
    const Clock& clock_;
    Runtime& runtime_;
    Inbox inbox_;
};

} // namespace mxseal::agent
