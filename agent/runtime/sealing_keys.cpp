#include "agent/runtime/sealing_keys.hpp"

#include "agent/config/environment.hpp"

namespace mxseal::agent {

Result<Sealer> open_sealing_key(const Config& config, const std::string& name) {
    if (auto credentials = config::credentials_directory())
        if (std::error_code missing; std::filesystem::exists(*credentials / name, missing)) return Sealer::load(*credentials / name);
    return Sealer::load_or_create(config.state / name);
}

Result<std::optional<Sealer>> find_sealing_key(const Config& config, const std::string& name) {
    const auto credentials = config::credentials_directory();
    std::error_code missing;
    const bool there = (credentials && std::filesystem::exists(*credentials / name, missing)) || std::filesystem::exists(config.state / name, missing);
    if (!there) return std::optional<Sealer>();
    auto sealer = open_sealing_key(config, name);
    if (!sealer.ok()) return std::move(sealer).error();
    return std::optional<Sealer>(std::move(*sealer));
}

} // namespace mxseal::agent
