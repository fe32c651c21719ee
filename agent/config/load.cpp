#include "agent/config/values.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>

#include <fmt/format.h>

namespace mxseal::agent {

namespace {

using config::MapReader;
using config::Reading;
using config::Value;

void read_state(Reading& reading, const MapReader& map) {
    if (auto state = config::read_path(reading, map["state"])) reading.config.state = *state;
    // The whole value may hold a password: it is not printed.
    if (map.has("store")) reading.mistake_at(map["store"].line, "store: PostgreSQL is not in this version; allowed: leave it out, `state` names the folder of the SQLite store");
}

void read_sections(Reading& reading, const Value& root) {
    MapReader map(reading, root, {"state", "store", "resolver", "timing", "acme", "providers", "zones", "hosts", "endpoint", "profiles", "domains"});
    read_state(reading, map);
    config::read_resolver(reading, map["resolver"]);
    config::read_timing(reading, map["timing"]);
    config::read_acme(reading, map["acme"]);
    config::read_providers(reading, map["providers"]);
    config::read_zones(reading, map["zones"]);
    config::read_hosts(reading, map["hosts"]); // after zones, among which each host finds its own
    config::read_endpoint(reading, map["endpoint"]);
    config::read_profiles(reading, map["profiles"]);
    config::read_domains(reading, map["domains"]);
    config::cross_check(reading);
}

std::variant<Config, ConfigMistakes> read_config(const std::string& text, const std::filesystem::path& file, Machine machine) {
    Reading reading(file);
    auto tree = config::parse_yaml(text);
    if (const auto* problem = std::get_if<config::YamlProblem>(&tree)) {
        reading.mistake_at(problem->line, problem->why);
        return ConfigMistakes{reading.mistakes()};
    }
    auto root = std::get<std::shared_ptr<const config::YamlNode>>(tree);
    if (root->kind != config::YamlNode::Kind::map)
        reading.mistake_at(root->line, "is not a map of sections; allowed: keys as in docs/configuration.md");
    else
        read_sections(reading, Value{root.get(), "", 1});
    if (machine == Machine::asked) config::check_machine(reading);
    if (reading.failed()) return ConfigMistakes{reading.mistakes()};
    reading.config.warnings = reading.warnings();
    return std::move(reading.config);
}

} // namespace

std::variant<Config, ConfigMistakes> parse_config(const std::string& text, const std::filesystem::path& file) { return read_config(text, file, Machine::left_alone); }

std::variant<Config, ConfigMistakes> load_config(const std::filesystem::path& file, Machine machine) {
    auto refuse = [&](const std::string& why) { return ConfigMistakes{{fmt::format("{}: {}", file.string(), why)}}; };
    std::error_code failure;
    if (std::filesystem::is_directory(file, failure)) return refuse("is a folder; name a file with --config");
    failure.clear();
    if (!std::filesystem::is_regular_file(file, failure))
        return refuse(failure && failure.value() != ENOENT ? "cannot be read: " + failure.message()
                                                           : "there is no such file; make it (templates/mxseal.yaml is an example), or name another with --config");
    errno = 0;
    std::ifstream in(file, std::ios::binary);
    std::string text(config::kFileBytesMax + 1, '\0');
    if (!in) return refuse(fmt::format("cannot be opened: {}; the user of mxseal must be able to read it", std::strerror(errno)));
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (in.bad()) return refuse("cannot be read");
    text.resize(static_cast<std::size_t>(in.gcount()));
    return read_config(text, file, machine);
}

} // namespace mxseal::agent
