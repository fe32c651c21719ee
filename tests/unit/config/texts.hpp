// Configurations to load, and what loading them says.
#pragma once

#include "agent/config/config.hpp"
#include "tests/temporary_folder.hpp"

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include <catch2/catch.hpp>

namespace mxseal::agent {

inline std::string text_of(const std::filesystem::path& file) {
    std::ifstream in(file, std::ios::binary);
    REQUIRE(in);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

// All that a reading said, one line each, warnings marked.
inline std::string report_of(const std::variant<Config, ConfigMistakes>& read) {
    std::string out;
    if (const auto* mistakes = std::get_if<ConfigMistakes>(&read))
        for (const auto& line : mistakes->lines) out += line + "\n";
    else
        for (const auto& line : std::get<Config>(read).warnings) out += "warning: " + line + "\n";
    return out;
}

inline Config config_of(const std::variant<Config, ConfigMistakes>& read) {
    INFO(report_of(read));
    REQUIRE(std::holds_alternative<Config>(read));
    return std::get<Config>(read);
}

inline bool says(const std::variant<Config, ConfigMistakes>& read, const std::string& words) {
    UNSCOPED_INFO(report_of(read));
    return report_of(read).find(words) != std::string::npos;
}

} // namespace mxseal::agent
