// What an ACME client keeps on this machine, and what of it Postfix serves: where `mxseal init --from CLIENT` begins.
#pragma once

#include "agent/hooks/client_call.hpp"
#include "base/time.hpp"
#include "rotation/types.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace mxseal::agent {

// One certificate with its key. Paths are those of the machine that `root` stands for.
struct Lineage {
    std::string name;
    std::filesystem::path key, chain;
    std::vector<std::string> names; // of the leaf
    rotation::Algorithm algorithm = rotation::Algorithm::ecdsa_p256;
    bool served = false;            // a file that Postfix reads begins with its leaf
    std::filesystem::path combined; // that file, where it holds key and chain and is not the client's own; else empty
};

struct Lineages {
    std::vector<Lineage> found;           // by name
    std::vector<std::string> passed_over; // "<file>: <why>"
    std::string mta_name;                 // Postfix's myhostname; empty: main.cf does not say
};

// `folder`: the client's, empty for its usual one; `root` stands for /. Reads at most 10,000 certificates.
Lineages find_lineages(Client client, const std::filesystem::path& folder, const std::filesystem::path& root, Instant now);

// mxseal.yaml for them, as far as it can be known; what only the operator knows stands in comments, with the steps that follow.
std::string configuration_from(Client client, const Lineages& lineages);

} // namespace mxseal::agent
