// Small readers and writers of a test's folder.
#pragma once

#include "tests/temporary_folder.hpp"

#include <sstream>

#include <catch2/catch.hpp>

namespace mxseal::agent {

inline std::filesystem::path script_in(const TemporaryFolder& folder, const std::string& body) { return folder.write("script", "#!/bin/sh\n" + body, 0700); }

// Empty where there is none.
inline std::string text_of(const std::filesystem::path& file) {
    std::ifstream in(file, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

inline struct stat facts_of(const std::filesystem::path& path) {
    struct stat facts{};
    REQUIRE(lstat(path.c_str(), &facts) == 0);
    return facts;
}

} // namespace mxseal::agent
