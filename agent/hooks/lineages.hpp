// `mxseal init --from CLIENT`: the certificates that a client keeps now, and a first configuration made from them.
#pragma once

#include "agent/config/postfix_main.hpp"
#include "agent/hooks/client_call.hpp"

namespace mxseal::agent {

struct Lineage {
    std::filesystem::path chain;    // as the client names it, without the test root
    std::vector<std::string> names; // DNS names of its leaf
    std::string trouble;            // why it cannot be used; names are empty then
};

// Of certbot, lego and dehydrated, in their usual folders under `root`, by name. `home`: of who runs the client, without `root`. Nothing is changed.
std::vector<Lineage> find_lineages(Client client, const std::filesystem::path& root, const std::filesystem::path& home, Instant now);

// YAML. Hosts are the names that Postfix's files or the name itself show to be of mail; what cannot be known stands in comments that say so.
std::string first_configuration(Client client, const std::vector<Lineage>& lineages, const PostfixFacts& postfix);

} // namespace mxseal::agent
