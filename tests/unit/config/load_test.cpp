#include "tests/unit/config/texts.hpp"

#include <unistd.h>

using namespace mxseal;
using namespace mxseal::agent;

namespace {

class Variable {
public:
    Variable(const char* name, const std::string& value) : name_(name) { setenv(name, value.c_str(), 1); }
    Variable(const Variable&) = delete;
    Variable& operator=(const Variable&) = delete;
    ~Variable() { unsetenv(name_); }

private:
    const char* name_;
};

std::string text_with(const std::string& secret_file, const std::string& target = "{combined: /etc/tls/mx1.pem}") {
    return "providers:\n  knot: {type: rfc2136, server: 192.0.2.53, tsig: {name: k, secret_file: " + secret_file +
           "}}\nzones: {example.org: {provider: knot}}\nhosts:\n  mx1.example.org:\n    certificate: self-signed\n    deploy: [" + target + "]\n";
}

} // namespace

TEST_CASE("the configuration is the one named, else the environment's, else the system's", "[config]") {
    CHECK(config_path("") == "/etc/mxseal/mxseal.yaml");
    Variable variable("MXSEAL_CONFIG", "/from/environment.yaml");
    CHECK(config_path("") == "/from/environment.yaml");
    CHECK(config_path("/named.yaml") == "/named.yaml");
}

TEST_CASE("a file that is not there, or is a folder, says what to do", "[config]") {
    TemporaryFolder folder;
    CHECK(says(load_config(folder.path() / "none.yaml"), "--config"));
    CHECK(says(load_config(folder.path()), "is a folder; name a file with --config"));
}

TEST_CASE("a secret file beside the configuration is found by its bare name", "[config]") {
    TemporaryFolder folder;
    folder.write("tsig", "c2VjcmV0\n");
    Config config = config_of(load_config(folder.write("mxseal.yaml", text_with("tsig"))));
    CHECK(config.providers.at("knot").tsig_secret_file == folder.path() / "tsig");
    CHECK(to_text(read_secret_file(config.providers.at("knot").tsig_secret_file)->reveal()) == "c2VjcmV0");
}

TEST_CASE("a credential of systemd is found by its bare name first", "[config]") {
    TemporaryFolder folder, credentials;
    folder.write("tsig", "b3RoZXI=\n");
    credentials.write("tsig", "c2VjcmV0\n", 0440);
    Variable variable("CREDENTIALS_DIRECTORY", credentials.path().string());
    Config config = config_of(load_config(folder.write("mxseal.yaml", text_with("tsig"))));
    CHECK(config.providers.at("knot").tsig_secret_file == "tsig");
    CHECK(to_text(read_secret_file("tsig")->reveal()) == "c2VjcmV0");
}

TEST_CASE("a secret that is missing, open to all or no base64 is a mistake with its line, and is not shown", "[config]") {
    TemporaryFolder folder;
    auto file = [&] { return load_config(folder.write("mxseal.yaml", text_with((folder.path() / "tsig").string()))); };
    CHECK(says(file(), ":2: providers.knot.tsig.secret_file"));
    folder.write("tsig", "c2VjcmV0", 0644);
    CHECK(says(file(), "chmod 600"));
    folder.write("tsig", "not, base64!");
    auto read = file();
    CHECK(says(read, "holds no base64"));
    CHECK_FALSE(says(read, "not, base64!"));
}

TEST_CASE("owner and group must exist, a program that is missing is a warning", "[config]") {
    TemporaryFolder folder;
    folder.write("tsig", "c2VjcmV0");
    auto wrong = load_config(folder.write("mxseal.yaml", text_with("tsig", "{combined: /a.pem, owner: no-such-user, group: no-such-group}")));
    CHECK(says(wrong, "'no-such-user' is not a user"));
    CHECK(says(wrong, "'no-such-group' is not a group"));
    auto missing = load_config(folder.write("mxseal.yaml", text_with("tsig", "{combined: /a.pem, owner: root, group: root, reload: [no-such-program, reload]}")));
    CHECK(config_of(missing).hosts.size() == 1);
    CHECK(says(missing, "program 'no-such-program' is not there"));
    CHECK_FALSE(says(load_config(folder.write("mxseal.yaml", text_with("tsig", "{combined: /a.pem, reload: [sh, -c, exit]}"))), "program"));
    CHECK_FALSE(says(load_config(folder.write("mxseal.yaml", text_with("tsig", "{combined: /a.pem, reload: [/bin/true]}"))), "program"));
}

TEST_CASE("a folder that is missing under a deployed file is a warning", "[config]") {
    TemporaryFolder folder;
    folder.write("tsig", "c2VjcmV0");
    auto missing = load_config(folder.write("mxseal.yaml", text_with("tsig", "{combined: /no-such-folder/mx1.pem}")));
    CHECK(config_of(missing).hosts.size() == 1);
    CHECK(says(missing, ".combined: folder '/no-such-folder' is not there"));
    CHECK_FALSE(says(load_config(folder.write("mxseal.yaml", text_with("tsig", "{combined: " + (folder.path() / "mx1.pem").string() + "}"))), "folder"));
}

TEST_CASE("files of the resolver and of a CA that cannot be read are mistakes", "[config]") {
    TemporaryFolder folder;
    folder.write("tsig", "c2VjcmV0");
    auto text = text_with("tsig") + "resolver: {trust_anchors: [no.key], root_hints: no.hints}\nacme: {ca: {directory: \"https://ca.example/d\", ca_file: no.pem}}\n";
    auto read = load_config(folder.write("mxseal.yaml", text));
    for (const char* name : {"no.key", "no.hints", "no.pem"}) CHECK(says(read, (folder.path() / name).string() + "' cannot be read"));
}

TEST_CASE("the example among the templates passes the checker", "[config][templates]") {
    TemporaryFolder folder;
    auto text = text_of(std::filesystem::path(MXSEAL_SOURCE_DIR) / "templates/mxseal.yaml");
    auto replace = [&](const std::string& from, const std::string& to) {
        for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) text.replace(at, from.size(), to);
    };
    replace("/etc/mxseal/", folder.path().string() + "/");
    replace("group: postfix", "group: root");
    folder.write("tsig", "c2VjcmV0c2VjcmV0\n");
    Config config = config_of(load_config(folder.write("mxseal.yaml", text)));
    CHECK(config.hosts.size() == 2);
    CHECK(config.zones.size() == 1);
}
