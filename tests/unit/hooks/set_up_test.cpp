#include "agent/hooks/set_up.hpp"

#include "tests/unit/hooks/pairs.hpp"

#include <stdio.h>

#include <fmt/format.h>

namespace mxseal::agent::testing {

namespace {

Config config_with(KeyMaker keys) {
    Config config;
    HostConfig host;
    host.name = *dns::Name::parse("mx1.example.org");
    host.certificate = "external";
    host.external.keys = keys;
    config.hosts.emplace(host.name, host);
    return config;
}

std::string content_of(const std::filesystem::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

void install(const SetUp& set_up, Written expected) {
    for (const HookFile& file : set_up.files) CHECK(write_hook(file).value() == expected);
}

// Runs the hook script as dehydrated does; its output and its status.
std::pair<std::string, int> run(const std::string& command) {
    std::string out;
    FILE* pipe = ::popen((command + " 2>/dev/null").c_str(), "r");
    REQUIRE(pipe != nullptr);
    for (int letter = ::fgetc(pipe); letter != EOF; letter = ::fgetc(pipe)) out += static_cast<char>(letter);
    return {out, ::pclose(pipe)};
}

} // namespace

TEST_CASE("certbot's hook is a file that calls mxseal; with keys of mxseal's a second one asks for them before") {
    TemporaryFolder root;
    const auto set_up = set_up_of(Client::certbot, config_with(KeyMaker::client), "/usr/bin/mxseal", root.path());
    REQUIRE(set_up.files.size() == 1);
    install(set_up, Written::made);
    install(set_up, Written::there_already);
    CHECK(content_of(root.path() / "etc/letsencrypt/renewal-hooks/deploy/mxseal").ends_with("exec /usr/bin/mxseal hook certbot\n"));
    struct ::stat facts{};
    REQUIRE(::stat(set_up.files.front().file.c_str(), &facts) == 0);
    CHECK((facts.st_mode & 07777) == 0755);

    const auto with_keys = set_up_of(Client::certbot, config_with(KeyMaker::mxseal), "/usr/bin/mxseal", root.path());
    REQUIRE(with_keys.files.size() == 2);
    CHECK(with_keys.files[1].file == root.path() / "etc/letsencrypt/renewal-hooks/pre/mxseal");
    CHECK(with_keys.files[1].content.ends_with("/usr/bin/mxseal hook prepare certbot mx1.example.org\n"));
}

TEST_CASE("what mxseal wrote is renewed and removed, what it did not write stays") {
    TemporaryFolder root;
    auto set_up = set_up_of(Client::certbot, config_with(KeyMaker::client), "/opt/mxseal", root.path());
    install(set_up, Written::made);
    set_up = set_up_of(Client::certbot, config_with(KeyMaker::client), "/usr/bin/mxseal", root.path());
    install(set_up, Written::renewed);
    CHECK(remove_hook(set_up.files.front()).value() == Written::removed);
    CHECK(remove_hook(set_up.files.front()).value() == Written::not_there);
    root.write("etc/letsencrypt/renewal-hooks/deploy/mxseal", "#!/bin/sh\necho mine\n");
    CHECK_FALSE(write_hook(set_up.files.front()));
    CHECK_FALSE(remove_hook(set_up.files.front()));
    CHECK(content_of(set_up.files.front().file) == "#!/bin/sh\necho mine\n");
}

TEST_CASE("dehydrated's former hook is called first with all its words, its output and status kept, and mxseal's refusal stops nothing") {
    TemporaryFolder root;
    const auto seen = root.path() / "seen";
    const auto former = root.write("own hook's", fmt::format("#!/bin/sh\necho former \"$@\"\n[ \"$1\" != clean_challenge ]\n"));
    std::filesystem::permissions(former, std::filesystem::perms::owner_all);
    const auto mxseal = root.write("mxseal", fmt::format("#!/bin/sh\necho mxseal \"$@\"\necho \"$@\" >> {}\nexit 1\n", seen.string()));
    std::filesystem::permissions(mxseal, std::filesystem::perms::owner_all);
    root.write("etc/dehydrated/config", fmt::format("#HOOK=/no\nCONFIG_D=/etc/dehydrated/conf.d\nHOOK=\"{}\" # ours\n", former.string()));
    const auto set_up = set_up_of(Client::dehydrated, config_with(KeyMaker::mxseal), mxseal.string(), root.path());
    REQUIRE(set_up.files.size() == 2);
    install(set_up, Written::made);
    // Once more: the former hook is still the user's, not ours.
    install(set_up_of(Client::dehydrated, config_with(KeyMaker::mxseal), mxseal.string(), root.path()), Written::there_already);
    CHECK(content_of(set_up.files[1].file).ends_with("HOOK=/etc/dehydrated/hook-mxseal\n"));
    const std::string hook = set_up.files[0].file.string();
    CHECK(run(hook + " deploy_challenge a 'b c' d") == std::pair(std::string("former deploy_challenge a b c d\n"), 0));
    CHECK(run(hook + " clean_challenge a").second != 0);
    CHECK(run(hook + " generate_csr a b c") == std::pair(std::string("former generate_csr a b c\n"), 0));
    CHECK(run(hook + " deploy_cert a k c f h 1") == std::pair(std::string("former deploy_cert a k c f h 1\n"), 0));
    CHECK(run(hook + " startup_hook").second == 0);
    CHECK(content_of(seen) == "hook dehydrated deploy_cert a k c f h 1\nhook prepare dehydrated mx1.example.org\n");
}

TEST_CASE("where dehydrated reads no folder of settings the line is told") {
    TemporaryFolder root;
    root.write("etc/dehydrated/config", "BASEDIR=/var/lib/dehydrated\n");
    const auto set_up = set_up_of(Client::dehydrated, config_with(KeyMaker::client), "mxseal", root.path());
    CHECK(set_up.files.size() == 1);
    REQUIRE_FALSE(set_up.lines.empty());
    CHECK(set_up.lines.front() == "as the last line of /etc/dehydrated/config: HOOK=/etc/dehydrated/hook-mxseal");
}

TEST_CASE("clients that take their hook on the command line are told it") {
    for (const Client client : {Client::lego, Client::acme_sh, Client::uacme}) {
        const auto set_up = set_up_of(client, config_with(KeyMaker::client), "/usr/bin/mxseal", "/");
        CHECK(set_up.files.empty());
        REQUIRE(set_up.lines.size() == 1);
        CHECK(set_up.lines.front().find(fmt::format("/usr/bin/mxseal hook {}", to_string(client))) != std::string::npos);
        CHECK(set_up.undo.size() == 1);
    }
}

} // namespace mxseal::agent::testing
