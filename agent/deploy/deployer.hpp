// Deployer: puts key and chain where the MTA reads them and tells the MTA. A port: the simulation has its own.
#pragma once

#include "base/result.hpp"
#include "base/secret.hpp"
#include "base/time.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace mxseal::agent {

struct DeployTarget {
    std::filesystem::path combined;        // key and chain of each algorithm in one file
    std::string owner, group;              // names; empty: those of the process
    unsigned mode = 0600;
    std::vector<std::string> reload;       // argv, no shell; empty: nothing to run
    Duration reload_timeout = std::chrono::seconds(30);
};

class Deployer {
public:
    virtual ~Deployer() = default;
    // Writes `content` beside the file, fsyncs, sets owner and mode, renames over it, fsyncs the folder (G-07); then runs
    // `reload` with a clean environment (PATH, LANG), its own process group, killed after its time limit, output capped
    // at 16 KiB and given in the error. An unchanged file is not rewritten; the reload runs all the same.
    virtual Status deploy(const DeployTarget& target, const Secret& content) = 0;
    // The file as it stands; nothing when it does not exist.
    virtual Result<std::optional<Secret>> read(const DeployTarget& target) = 0;
};

} // namespace mxseal::agent
