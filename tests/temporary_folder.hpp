// A new empty folder of a test or a bench, removed with all that is in it. Used from any thread; what it is asked for and cannot do throws.
#pragma once

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>

#include <stdlib.h>
#include <sys/stat.h>

namespace mxseal {

class TemporaryFolder {
public:
    // Throws std::runtime_error when none can be made.
    TemporaryFolder() {
        std::string pattern = (std::filesystem::temp_directory_path() / "mxseal-test-XXXXXX").string();
        if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("cannot make a folder " + pattern);
        path_ = pattern;
    }
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    ~TemporaryFolder() {
        std::error_code ignored; // a test's rubbish, not a result
        std::filesystem::remove_all(path_, ignored);
    }

    const std::filesystem::path& path() const { return path_; }
    std::filesystem::path operator/(const std::filesystem::path& name) const { return path_ / name; }

    // The file with this content and, whatever the umask, this mode; the folders between are made, a file that stands there is replaced.
    // Throws std::runtime_error when the file is not written whole. Returns where it is.
    std::filesystem::path write(const std::filesystem::path& name, std::string_view content, mode_t mode = 0600) const {
        const auto file = path_ / name;
        std::filesystem::create_directories(file.parent_path());
        std::filesystem::remove(file); // its mode may forbid to write it
        std::ofstream out(file, std::ios::binary);
        out << content;
        out.close();
        if (!out || ::chmod(file.c_str(), mode) != 0) throw std::runtime_error("cannot write " + file.string());
        return file;
    }

private:
    std::filesystem::path path_;
};

} // namespace mxseal
