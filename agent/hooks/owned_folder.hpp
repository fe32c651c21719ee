// Folders inside the state folder that root's hooks and the agent's user share: whoever makes one, it belongs to the state folder's owner.
#pragma once

#include "agent/deploy/folder.hpp"

namespace mxseal::agent {

// Rights for what is put into `state`: its owner and group where root asks. `not_found`: there is no state folder yet.
Result<FileRights> rights_of(const std::filesystem::path& state);

// Mode 0700; durable when it returns. It may be there already.
Status make_owned_folder(const std::filesystem::path& folder, const FileRights& rights);

} // namespace mxseal::agent
