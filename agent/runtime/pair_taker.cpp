#include "agent/runtime/pair_taker.hpp"

#include "agent/keys/certificates.hpp"

#include <fmt/format.h>

namespace mxseal::agent {

namespace {

Json reply(const std::string& id, const std::string& host, std::string text, bool refused) {
    return Json::object({{"pair", id}, {"host", host}, {"text", std::move(text)}, {"refused", refused}});
}

} // namespace

Json PairTaker::take() {
    Json replies = Json::array();
    auto left = inbox_.list();
    if (!left) {
        replies.push(reply("", "", left.error().to_string(), true));
        return replies;
    }
    for (const std::string& id : *left) take_one(id, replies);
    return replies;
}

void PairTaker::take_one(const std::string& id, Json& replies) {
    auto pair = inbox_.read(id, clock_.wall());
    if (!pair) {
        replies.push(reply(id, "", "a pair that a hook left is not used: " + pair.error().to_string(), true));
        // What does not fit today never will; what cannot be read may be readable after a look at its rights.
        if (pair.error().code() == ErrorCode::invalid)
            if (auto removed = inbox_.remove(id); !removed) replies.push(reply(id, "", removed.error().to_string(), true));
        return;
    }
    bool settled = false, kept_back = false;
    for (const auto& [name, host] : config_.hosts) {
        if (host.certificate != "external" || !names_host(*pair, name, clock_.wall())) continue;
        const Runtime::Brought brought = bring_to(host, *pair);
        (brought.stored ? settled : kept_back) = true;
        replies.push(reply(id, name.text(), brought.text, brought.refused));
    }
    if (!settled || kept_back) return;
    // Killed before this, the pair is taken once more, which changes nothing.
    if (auto removed = inbox_.remove(id); !removed) replies.push(reply(id, "", removed.error().to_string(), true));
}

Runtime::Brought PairTaker::bring_to(const HostConfig& host, const ClientPair& pair) {
    auto facts = facts_of(host, pair);
    if (!facts) return {facts.error().to_string(), true, facts.error().code() != ErrorCode::io};
    return runtime_.bring(host.name.text(), *facts, [&] { return keep(host, pair); });
}

Result<rotation::tlsa::Key> PairTaker::facts_of(const HostConfig& host, const ClientPair& pair) const {
    auto chain = read_chain(view_of(pair.chain_pem), host.name, clock_.wall());
    if (!chain) return std::move(chain).error();
    rotation::tlsa::Key key;
    key.spki = pair.spki;
    key.algorithm = chain->algorithm;
    key.generated = clock_.wall();
    key.chain = std::move(*chain);
    if (pair.key) {
        key.description = pair.key->description();
        return key;
    }
    auto own = vault_.get(pair.spki);
    if (!own && own.error().code() == ErrorCode::not_found)
        return Error(ErrorCode::refused, fmt::format("the certificate came without a key, and mxseal has no key {}; name the key file, too", pair.spki.short_hex()));
    if (!own) return std::move(own).error();
    key.description = own->description();
    return key;
}

// The vault first: what the state says can then be deployed.
Status PairTaker::keep(const HostConfig& host, const ClientPair& pair) {
    if (pair.key)
        if (auto stored = vault_.put(*pair.key, host.name.text()); !stored) return stored;
    return vault_.put_chain(pair.spki, pair.chain_pem);
}

} // namespace mxseal::agent
