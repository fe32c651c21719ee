#include "agent/control/control_file.hpp"

#include "agent/control/control_client.hpp"
#include "tests/temporary_folder.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>

using namespace mxseal;
using namespace mxseal::agent;

namespace {

ControlFile sample(char digit, std::uint16_t port = 4711) { return {port, Secret(std::string_view(std::string(64, digit))), 42, 0}; }

} // namespace

TEST_CASE("what was written is read, and the file is 0600 whatever the umask is") {
    TemporaryFolder folder;
    const mode_t before = ::umask(0277);
    auto written = write_control_file(folder.path(), sample('a'));
    ::umask(before);
    REQUIRE(written);
    struct stat facts{};
    REQUIRE(::stat(control_file_path(folder.path()).c_str(), &facts) == 0);
    CHECK((facts.st_mode & 07777) == 0600);
    auto read = read_control_file(folder.path());
    REQUIRE(read);
    REQUIRE(*read);
    CHECK((*read)->port == 4711);
    CHECK((*read)->pid == 42);
    CHECK((*read)->owner == ::geteuid());
    CHECK((*read)->token.equals(view_of(std::string(64, 'a'))));
}

TEST_CASE("a new file takes the place of an older one and of a half-written one") {
    TemporaryFolder folder;
    REQUIRE(write_control_file(folder.path(), sample('a')));
    folder.write(".control.json.new", "{\"por", 0644);
    REQUIRE(write_control_file(folder.path(), sample('b')));
    CHECK((*read_control_file(folder.path()))->token.equals(view_of(std::string(64, 'b'))));
    CHECK_FALSE(std::filesystem::exists(folder.path() / ".control.json.new"));
}

TEST_CASE("only the agent that wrote the file removes it") {
    TemporaryFolder folder;
    REQUIRE(write_control_file(folder.path(), sample('b')));
    remove_control_file(folder.path(), sample('a'));
    CHECK(std::filesystem::exists(control_file_path(folder.path())));
    remove_control_file(folder.path(), sample('b'));
    CHECK_FALSE(std::filesystem::exists(control_file_path(folder.path())));
}

TEST_CASE("no file means no agent") {
    TemporaryFolder folder;
    auto read = read_control_file(folder.path());
    REQUIRE(read);
    CHECK_FALSE(*read);
    auto desk = find_agent(folder.path());
    REQUIRE(desk);
    CHECK(*desk == nullptr);
}

TEST_CASE("a file that others could read, a link or garbage is not believed") {
    TemporaryFolder folder;
    const auto file = control_file_path(folder.path());
    REQUIRE(write_control_file(folder.path(), sample('a')));
    REQUIRE(::chmod(file.c_str(), 0640) == 0);
    CHECK(read_control_file(folder.path()).error().code() == ErrorCode::refused);
    std::filesystem::remove(file);
    std::filesystem::create_symlink("/etc/passwd", file);
    CHECK_FALSE(read_control_file(folder.path()));
    std::filesystem::remove(file);
    const std::string token(64, 'a');
    for (const std::string& text : {std::string(), std::string("{"), std::string("{}"), "{\"port\":0,\"token\":\"" + token + "\",\"pid\":1}",
                                    "{\"port\":65536,\"token\":\"" + token + "\",\"pid\":1}", std::string("{\"port\":1,\"token\":\"short\",\"pid\":1}"), std::string(5000, ' ')}) {
        folder.write(file.filename(), text);
        auto read = read_control_file(folder.path());
        REQUIRE_FALSE(read);
        CHECK(read.error().code() == ErrorCode::invalid);
    }
}
