// FileDeployer: a Deployer on the files of this machine.
//
// Any thread; two deploys of the same file at the same time are the caller's mistake. Blocks for as long as the reload runs.
#pragma once

#include "agent/deploy/deployer.hpp"

namespace mxseal::agent {

class FileDeployer final : public Deployer {
public:
    // A file that stood there before mxseal's first is kept once, as `<file>.before-mxseal` (0600, same owner).
    Status deploy(const DeployTarget& target, const Secret& content) override;
    Result<std::optional<Secret>> read(const DeployTarget& target) override;
};

} // namespace mxseal::agent
