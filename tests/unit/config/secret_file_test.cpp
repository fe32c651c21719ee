#include "tests/unit/config/texts.hpp"

#include <unistd.h>

using namespace mxseal;
using namespace mxseal::agent;

TEST_CASE("a secret is its file without one final newline", "[config][secret]") {
    TemporaryFolder folder;
    CHECK(to_text(read_secret_file(folder.write("a", "secret\n"))->reveal()) == "secret");
    CHECK(to_text(read_secret_file(folder.write("b", "secret"))->reveal()) == "secret");
    CHECK(to_text(read_secret_file(folder.write("c", "secret\n\n"))->reveal()) == "secret\n");
}

TEST_CASE("modes that let others reach a secret are refused", "[config][secret]") {
    TemporaryFolder folder;
    for (mode_t mode : {0600, 0400, 0640, 0440, 0700}) {
        INFO(std::oct << mode);
        CHECK(read_secret_file(folder.write("s", "secret", mode)).ok());
    }
    for (mode_t mode : {0604, 0644, 0602, 0601, 0660, 0620, 0610, 0777}) {
        INFO(std::oct << mode);
        auto read = read_secret_file(folder.write("s", "secret", mode));
        REQUIRE_FALSE(read);
        CHECK(read.error().code() == ErrorCode::invalid);
    }
}

TEST_CASE("a group that is not the process's may not read a secret", "[config][secret]") {
    if (geteuid() != 0) {
        WARN("not tested: only root can give a file to another group");
        return;
    }
    TemporaryFolder folder;
    auto file = folder.write("s", "secret", 0640);
    REQUIRE(chown(file.c_str(), 0, 65534) == 0);
    CHECK_FALSE(read_secret_file(file).ok());
    chmod(file.c_str(), 0600);
    CHECK(read_secret_file(file).ok());
    REQUIRE(chown(file.c_str(), 65534, 0) == 0);
    CHECK_FALSE(read_secret_file(file).ok()); // its owner could change it
}

TEST_CASE("what holds no secret is refused", "[config][secret]") {
    TemporaryFolder folder;
    CHECK_FALSE(read_secret_file(folder.path() / "missing").ok());
    CHECK_FALSE(read_secret_file(folder.path()).ok());
    CHECK_FALSE(read_secret_file(folder.write("empty", "")).ok());
    CHECK_FALSE(read_secret_file(folder.write("newline", "\n")).ok());
    CHECK_FALSE(read_secret_file(folder.write("large", std::string(70'000, 's'))).ok());
    REQUIRE(mkfifo((folder.path() / "fifo").c_str(), 0600) == 0);
    CHECK_FALSE(read_secret_file(folder.path() / "fifo").ok());
}
