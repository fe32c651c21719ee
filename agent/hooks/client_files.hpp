// Where each ACME client keeps the key of a certificate, and how one that mxseal made is laid there for its next order.
#pragma once

#include "agent/hooks/client_call.hpp"

namespace mxseal::agent {

// certbot's --config-dir, lego's --path, dehydrated's CERTDIR, acme.sh's --home, uacme's --confdir where nobody said another. `home`: of who runs the client.
std::filesystem::path usual_folder(Client client, const std::filesystem::path& home);

// `folder`: the usual one, or what the client was told.
std::filesystem::path key_file_of(Client client, const std::filesystem::path& folder, const std::string& host);

// Puts the key in `from` (PEM) there, with the rights of the file that it replaces; nothing when that key is there already: then false.
// `not_found`: the client has no such certificate yet. What it keeps beside it for other certificates is untouched.
Result<bool> lay_key(Client client, const std::filesystem::path& folder, const std::string& host, const std::filesystem::path& from);

} // namespace mxseal::agent
