// How each ACME client calls its hook: by arguments or by variables; what it means. Pure: nothing is read.
#pragma once

#include "agent/hooks/pair_files.hpp"
#include "base/result.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mxseal::agent {

enum class Client { certbot, lego, dehydrated, acme_sh, uacme };
std::string_view to_string(Client client); // "certbot", "lego", "dehydrated", "acme.sh", "uacme"
std::optional<Client> parse_client(std::string_view text);

using VariableOf = std::function<std::string(std::string_view name)>; // empty: not set

// The pair that was issued; nothing: this call is about something else, which mxseal has no part in. `invalid`: a client does not call so.
Result<std::optional<PairFiles>> pair_of_call(Client client, const std::vector<std::string>& words, const VariableOf& variable);

} // namespace mxseal::agent
