#include "agent/hooks/lineages.hpp"

#include "tests/unit/hooks/pairs.hpp"

#include <string>

namespace mxseal::agent::testing {

namespace {

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// certbot's files of one lineage, links into the archive as certbot makes them; gives key and chain.
std::pair<std::string, std::string> lineage(const Folder& root, const std::string& name, const ClientOfTests& client, std::vector<std::string> names) {
    const std::string key = client.key_pem();
    const std::string chain = client.chain(std::move(names));
    for (const auto& [file, content] : {std::pair("privkey", key), std::pair("fullchain", chain)}) {
        root.write("etc/letsencrypt/archive/" + name + "/" + file + "1.pem", content);
        std::filesystem::create_directories(root.path() / "etc/letsencrypt/live" / name);
        std::filesystem::create_symlink("../../archive/" + name + "/" + file + "1.pem", root.path() / "etc/letsencrypt/live" / name / (std::string(file) + ".pem"));
    }
    return {key, chain};
}

} // namespace

TEST_CASE("the lineage that Postfix reads becomes a host with the steps to it, another one a comment") {
    Folder root;
    ClientOfTests mail, web;
    lineage(root, "mx1.example.org", mail, {"mx1.example.org"});
    lineage(root, "www.example.org", web, {"www.example.org"});
    root.write("etc/postfix/main.cf", "myhostname = mx1.example.org\nsmtpd_tls_chain_files =\n  /etc/letsencrypt/live/mx1.example.org/privkey.pem,\n  /etc/letsencrypt/live/mx1.example.org/fullchain.pem\n");
    const auto found = find_lineages(Client::certbot, {}, root.path(), kNow);
    REQUIRE(found.found.size() == 2);
    CHECK(found.passed_over.empty());
    CHECK(found.found[0].served);
    CHECK(found.found[0].combined.empty());
    CHECK_FALSE(found.found[1].served);
    const auto text = configuration_from(Client::certbot, found);
    CHECK(has(text, "\nhosts:\n  mx1.example.org:\n    certificate: external "));
    CHECK(has(text, "keys: [ecdsa-p256]\n    deploy: [{combined: /etc/postfix/tls/mx1.example.org.pem,"));
    CHECK(has(text, "# certbot has these too, and Postfix does not serve them: www.example.org\n"));
    CHECK(has(text, "#   mxseal hook files --key /etc/letsencrypt/live/mx1.example.org/privkey.pem --chain /etc/letsencrypt/live/mx1.example.org/fullchain.pem\n"));
    CHECK(has(text, "#   postconf -e 'smtpd_tls_chain_files = /etc/postfix/tls/mx1.example.org.pem'"));
    CHECK(has(text, "#   example.org: {provider: primary}"));
}

TEST_CASE("a copy in one file that Postfix reads goes on as mxseal's file; a wildcard names Postfix's own host") {
    Folder root;
    ClientOfTests client;
    const auto [key, chain] = lineage(root, "example.org", client, {"*.example.org", "example.org"});
    root.write("etc/postfix/tls.pem", key + chain);
    root.write("etc/postfix/main.cf", "# myhostname = old.example.org\nmyhostname = mail.example.org\nsmtpd_tls_chain_files = /etc/postfix/tls.pem\n");
    const auto text = configuration_from(Client::certbot, find_lineages(Client::certbot, {}, root.path(), kNow));
    CHECK(has(text, "\nhosts:\n  mail.example.org:\n"));
    CHECK(has(text, "{combined: /etc/postfix/tls.pem,"));
    CHECK_FALSE(has(text, "postconf"));
}

TEST_CASE("an expired certificate is passed over with its reason, and nothing served leaves the hosts to be named") {
    Folder root;
    ClientOfTests client;
    lineage(root, "mx1.example.org", client, {"mx1.example.org"});
    const auto later = find_lineages(Client::certbot, {}, root.path(), at("2030-01-01T00:00:00Z"));
    CHECK(later.found.empty());
    REQUIRE(later.passed_over.size() == 1);
    CHECK(has(later.passed_over[0], "live/mx1.example.org/fullchain.pem"));
    const auto text = configuration_from(Client::certbot, find_lineages(Client::certbot, {}, root.path(), kNow));
    CHECK(has(text, "\nhosts: {}   # Postfix serves no certificate of this client; name your MX hosts\n"));
}

} // namespace mxseal::agent::testing
