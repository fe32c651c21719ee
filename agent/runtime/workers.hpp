// Workers: the Outside of the real world: each action runs on the pool of the resource it needs, its event goes to a sink.
#pragma once

#include "agent/runtime/outside.hpp"
#include "agent/runtime/real_world.hpp"
#include "agent/runtime/worker_pool.hpp"

#include <functional>
#include <map>
#include <string>

namespace mxseal::agent {

class Workers final : public Outside {
public:
    // `sink` is called from worker threads.
    Workers(RealWorld& world, std::function<void(Arrival)> sink);

    void start(const std::string& host, const rotation::tlsa::Action& action) override;
    void observe_mx(const dns::Name& domain) override;

private:
    WorkerPool& pool_for(const HostConfig& host, const rotation::tlsa::Action& action);

    RealWorld& world_;
    std::function<void(Arrival)> sink_;
    std::map<std::string, WorkerPool> pools_; // made in the constructor, so that no lock is needed
};

} // namespace mxseal::agent
