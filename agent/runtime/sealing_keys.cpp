#include "agent/runtime/sealing_keys.hpp"

#include "agent/config/environment.hpp"

namespace mxseal::agent {

Result<Sealer> open_sealing_key(const Config& config, const std::string& name) {
    if (auto credentials = config::credentials_directory())
        if (std::error_code missing; std::filesystem::exists(*credentials / name, missing)) return Sealer::load(*credentials / name);
    return Sealer::load_or_create(config.state / name);
}

} // namespace mxseal::agent
