// A folder of a test's own, and small readers.
#pragma once

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
        std::string name = (std::filesystem::temp_directory_path() / "mxseal-deploy-XXXXXX").string();
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
    std::filesystem::path script(const std::string& body) const {
        auto file = path_ / "script";
        write(file, "#!/bin/sh\n" + body);
        chmod(file.c_str(), 0700);
        return file;
    }
    static void write(const std::filesystem::path& file, const std::string& text) {
        std::ofstream out(file, std::ios::binary | std::ios::trunc);
        out << text;
        REQUIRE(out.good());
    }
    static std::string text_of(const std::filesystem::path& file) {
        std::ifstream in(file, std::ios::binary);
        std::ostringstream text;
        text << in.rdbuf();
        return text.str();
    }

private:
    std::filesystem::path path_;
};

inline struct stat facts_of(const std::filesystem::path& path) {
    struct stat facts{};
    REQUIRE(lstat(path.c_str(), &facts) == 0);
    return facts;
}

} // namespace mxseal::agent
