// `mxseal serve` as a process: started, asked, given new files, stopped.
#include "mta-sts-server/challenges_file.hpp"

#include "serve_process.hpp"

#include <sys/stat.h>

using namespace mxseal;
using namespace mxseal::server;
using namespace mxseal::server::testing;

TEST_CASE("serve takes the sockets of systemd, a new snapshot by rename, refuses a worse one, and drains at SIGTERM") {
    ServeWorld world;
    Process process = world.serve();
    const auto first = world.ask(); // waits in the queue of the socket until the process takes it
    REQUIRE(first.status == 200);
    CHECK(first.trusted);
    CHECK(world.generation() == 5);
    CHECK(world.logged("endpoint.started"));

    const auto changed = world.sites.make(kName, "version: STSv1\r\nmode: none\r\nmax_age: 86400\r\n");
    write_snapshot(world.folder / "snapshot", 6, {&changed});
    CHECK(soon([&] { return world.generation() == 6; }));
    CHECK(world.ask().body == changed.policy);
    CHECK(world.logged("snapshot.taken"));

    write_snapshot(world.folder / "snapshot", 4, {&world.site});
    CHECK(soon([&] { return world.logged("snapshot.refused"); }));
    CHECK(world.generation() == 6);
    std::ofstream(world.folder / "garbage") << "no snapshot";
    ::chmod((world.folder / "garbage").c_str(), 0600);
    std::filesystem::rename(world.folder / "garbage", world.folder / "snapshot");
    process.signal(SIGHUP);
    CHECK(soon([&] { return world.logged("too short"); }));
    CHECK(world.ask().body == changed.policy);

    process.signal(SIGTERM);
    CHECK(process.exit_code() == 0);
    CHECK(world.logged("endpoint.stopped"));
}

TEST_CASE("serve refuses an older snapshot than it has served before a restart, and takes the same again") {
    ServeWorld world;
    write_snapshot(world.folder / "snapshot", 6, {&world.site});
    {
        Process process = world.serve();
        CHECK(world.ask().status == 200);
        process.signal(SIGTERM);
        CHECK(process.exit_code() == 0);
    }
    write_snapshot(world.folder / "snapshot", 5, {&world.site}); // as from a backup
    {
        Process process = world.serve();
        CHECK(process.exit_code() == 1);
        CHECK(world.logged("served 6 already"));
        CHECK(world.logged("remove that file"));
    }
    write_snapshot(world.folder / "snapshot", 6, {&world.site});
    Process process = world.serve();
    CHECK(world.ask().status == 200);
    CHECK(world.generation() == 6);
}

TEST_CASE("serve does not start with a status socket that all may reach") {
    ServeWorld world;
    const int everywhere = listening(world.status, INADDR_ANY);
    Process process(world.folder / "snapshot", world.folder / "log", {world.https_socket, everywhere}, "https:status");
    CHECK(process.exit_code() == 1);
    CHECK(world.logged("not on loopback"));
    ::close(everywhere);
}

TEST_CASE("serve does not start on a snapshot that others may read, and says why") {
    ServeWorld world;
    ::chmod((world.folder / "snapshot").c_str(), 0644);
    Process process = world.serve();
    CHECK(process.exit_code() == 1);
    CHECK(world.logged("chmod 0600"));
}

TEST_CASE("serve answers the challenges in the file beside its snapshot, soon after it was written, and none once it is gone") {
    ServeWorld world;
    const auto file = challenges_file_of(world.folder / "snapshot");
    Challenges challenges;
    challenges.http[kName]["token"] = "token.thumbprint";
    REQUIRE(write_challenges(file, challenges).ok());
    Process process = world.serve();
    CHECK(world.ask_http("token").body == "token.thumbprint");
    CHECK(world.ask_http("other").status == 404);
    CHECK_FALSE(world.ask_tls_alpn().handshake);

    challenges.http[kName]["other"] = "other.thumbprint";
    challenges.tls_alpn.emplace(kName, make_tls_alpn(kName, "other.thumbprint").value());
    REQUIRE(write_challenges(file, challenges).ok());
    CHECK(soon([&] { return world.ask_http("other").body == "other.thumbprint"; }));
    const auto validation = world.ask_tls_alpn();
    CHECK(validation.handshake);
    CHECK(validation.alpn == "acme-tls/1");
    CHECK(world.ask().status == 200);

    std::ofstream(file, std::ios::app) << "garbage";
    CHECK(soon([&] { return world.logged("challenges.refused"); }));
    CHECK(world.ask_http("other").body == "other.thumbprint"); // what was there before is answered on

    std::filesystem::remove(file);
    CHECK(soon([&] { return world.ask_http("other").status == 404; }));
    CHECK_FALSE(world.ask_tls_alpn().handshake);
    CHECK(world.ask().status == 200);
}
