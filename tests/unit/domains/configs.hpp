// Configurations of a few lines for the tests of this folder.
#pragma once

#include "agent/config/config.hpp"

#include <string>

#include <catch2/catch.hpp>

namespace mxseal::agent {

inline Config config_of(const std::string& text) {
    auto read = parse_config(text, "/etc/mxseal.yaml");
    if (auto* mistakes = std::get_if<ConfigMistakes>(&read)) FAIL(mistakes->lines.front());
    return std::get<Config>(std::move(read));
}

inline Config usual_config() {
    return config_of("endpoint: {certificate: self-signed}\n"
                     "profiles:\n"
                     "  default: {mta_sts: {mode: testing}}\n"
                     "  strict: {mta_sts: {mode: enforce}}\n"
                     "domains:\n"
                     "  file.example: {profile: strict}\n");
}

} // namespace mxseal::agent
