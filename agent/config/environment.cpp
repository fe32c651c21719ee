#include "agent/config/environment.hpp"

#include "agent/config/config.hpp"

#include <cstdlib>

namespace mxseal::agent {

namespace config {

std::optional<std::filesystem::path> credentials_directory() {
    const char* text = std::getenv("CREDENTIALS_DIRECTORY");
    if (text == nullptr || text[0] != '/') return std::nullopt;
    return std::filesystem::path(text);
}

} // namespace config

std::filesystem::path config_path(const std::string& from_command_line) {
    if (!from_command_line.empty()) return from_command_line;
    const char* text = std::getenv("MXSEAL_CONFIG");
    if (text != nullptr && text[0] != '\0') return text;
    return "/etc/mxseal/mxseal.yaml";
}

} // namespace mxseal::agent
