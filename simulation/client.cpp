// The ACME client of a host with `certificate: external`: it renews when it likes, with the key that it has or a new one, and its hook tells
// mxseal: at once, late, twice, in the wrong order, and while no mxseal lives.
#include "simulation/world.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace mxseal::simulation {

using namespace rotation;
using namespace rotation::tlsa;
using namespace std::chrono_literals;

namespace {

// Our choice: far more often than a client of today, and at times twice within the hour.
constexpr Duration kRenewalLeast = 12h, kRenewalMost = 8 * 24h, kAgainLeast = 1min, kAgainMost = 6h;

} // namespace

bool World::is_clients(std::size_t host) const { return setting_.config.hosts.at(*dns::Name::parse(hosts_[host].name)).certificate == "external"; }

void World::await_client(std::size_t host) {
    const bool soon = fate_.choice(8) == 0;
    after(soon ? latency(kAgainLeast, kAgainMost) : latency(kRenewalLeast, kRenewalMost), [this, host] {
        if (fate_.stopped()) return;
        issue(host);
        await_client(host);
    });
}

void World::issue(std::size_t host) {
    Keys& keys = clients_keys_[host];
    SpkiHash& key = keys[static_cast<std::size_t>(fate_.choice(keys.size()))];
    if (fate_.choice(2) == 0) {
        key = new_key(algorithms_.at(key));
        own_keys_.insert(key);
    }
    const Left fresh{host, key, ++serials_[key]};
    chain_of(key, fresh.serial); // issued now
    hook(fresh);
    if (fate_.choice(6) == 0) after(latency(1s, 2h), [this, fresh] { hook(fresh); });
    if (fresh.serial > 1 && fate_.choice(4) == 0) hook({host, key, fresh.serial - 1});
    // A key of long ago, from a client that was set back.
    if (!memory_[host].retired.empty() && fate_.choice(4) == 0) hook({host, *memory_[host].retired.begin(), std::max(1, serials_[*memory_[host].retired.begin()])});
}

// Durable in the inbox before anybody is told.
void World::hook(const Left& left) {
    inbox_.push_back(left);
    if (!runtime_) return;
    const auto killed = fate_.draw(Fault::killed, now());
    if (killed && fate_.measure(*killed, 0) < 0.5) return kill_agent(*killed);
    ask(Json::object({{"command", "pairs"}, {"who", "hook"}}));
    if (killed && runtime_) kill_agent(*killed);
}

Json World::take_pairs() {
    std::vector<Left> kept;
    for (const Left& left : std::exchange(inbox_, {}))
        if (!take_pair(left)) kept.push_back(left);
    inbox_.insert(inbox_.end(), kept.begin(), kept.end());
    return Json::array();
}

bool World::take_pair(const Left& left) {
    Key pair;
    pair.spki = left.key;
    pair.algorithm = algorithms_.at(left.key);
    pair.description = pair.algorithm == Algorithm::ecdsa_p256 ? "ECDSA P-256" : "RSA 2048";
    pair.generated = clock_.wall();
    pair.chain = chain_of(left.key, left.serial);
    const auto keep = [&]() -> Status {
        const std::uint8_t sealed = 1;
        if (auto stored = store_->put_key(left.key.hex(), hosts_[left.host].name, to_string(pair.algorithm), ByteView(&sealed, 1)); !stored.ok()) return stored;
        return store_->put_chain(left.key.hex(), std::to_string(left.serial));
    };
    return runtime_->bring(hosts_[left.host].name, pair, keep).stored;
}

} // namespace mxseal::simulation
