// Many hosts at rest, for benches: a host of the simulation that became steady, copied under as many names as wanted, and a world
// that shows every host what it remembers. Two hosts a zone, one domain a zone. One thread.
#pragma once

#include "agent/config/config.hpp"
#include "agent/runtime/outside.hpp"
#include "agent/runtime/runtime.hpp"
#include "agent/store/store.hpp"
#include "tests/simulation/scripted_world.hpp"

#include <deque>
#include <string>

namespace mxseal::bench {

// What the store keeps of a host whose standby is ready, and when that was.
struct SteadyHost {
    Json document, summary;
    Instant at{};
};
// Runs the simulation; throws std::runtime_error when its host does not become steady.
SteadyHost make_steady_host();

agent::Config config_of(std::size_t hosts);
// Writes every host of `config` and the MX RRset of every domain. Throws when the store refuses.
void fill(agent::Store& store, const agent::FencingToken& token, const agent::Config& config, const SteadyHost& host);

// Answers each look with what the host knows already, so that nothing is to be done.
class RestingWorld final : public agent::Outside {
public:
    RestingWorld(const SteadyHost& host, const Clock& clock);
    void start(const std::string& host, const rotation::tlsa::Action& action) override;
    void observe_mx(const dns::Name& domain) override;
    // Hands over every answer, also of the looks that these bring about. Throws when they have no end.
    void answer(agent::Runtime& runtime);

    std::size_t other_actions = 0; // that are no look: zero while everything rests

private:
    rotation::tlsa::Event seen(const rotation::tlsa::Action& action);
    rotation::tlsa::Observed dns_;
    rotation::tlsa::Probed wire_;
    const Clock& clock_;
    std::deque<agent::Arrival> arrivals_;
};

} // namespace mxseal::bench
