// A folder of a test's own, and configurations to load from it.
#pragma once

#include "agent/config/config.hpp"

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include <stdlib.h>
#include <sys/stat.h>

#include <catch2/catch.hpp>

namespace mxseal::agent {

class TemporaryFolder {
public:
    TemporaryFolder() {
        std::string name = (std::filesystem::temp_directory_path() / "mxseal-config-XXXXXX").string();
        REQUIRE(mkdtemp(name.data()) != nullptr);
        path_ = name;
    }
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    ~TemporaryFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    const std::filesystem::path& path() const { return path_; }
    std::filesystem::path write(const std::string& name, const std::string& text, mode_t mode = 0600) const {
        auto file = path_ / name;
        std::ofstream(file, std::ios::binary | std::ios::trunc) << text;
        chmod(file.c_str(), mode);
        return file;
    }

private:
    std::filesystem::path path_;
};

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
