// The only place where mxseal reads its environment.
#pragma once

#include <filesystem>
#include <optional>

namespace mxseal::agent::config {

std::optional<std::filesystem::path> credentials_directory(); // $CREDENTIALS_DIRECTORY (systemd.exec(5)), when it is absolute

} // namespace mxseal::agent::config
