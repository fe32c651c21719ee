#include "agent/hooks/lineages.hpp"

#include "agent/config/config.hpp"

#include "tests/unit/hooks/pairs.hpp"

namespace mxseal::agent::testing {

namespace {

const std::filesystem::path kHome = "/home/postmaster";

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

std::string text_for(const TemporaryFolder& root, Client client = Client::certbot) {
    return first_configuration(client, find_lineages(client, root.path(), kHome, kNow), read_postfix(root.path() / "etc/postfix/main.cf"));
}

ConfigMistakes mistakes_in(const std::string& text) {
    auto read = parse_config(text, "/etc/mxseal/mxseal.yaml");
    return std::holds_alternative<ConfigMistakes>(read) ? std::get<ConfigMistakes>(read) : ConfigMistakes{};
}

} // namespace

TEST_CASE("the lineage that Postfix reads gives the host that Postfix is, and nothing else is taken") {
    TemporaryFolder root;
    ClientOfTests client;
    root.write("etc/letsencrypt/live/shared/fullchain.pem", client.chain({"www.example.org", "mx1.example.org"}));
    root.write("etc/letsencrypt/live/www.example.net/fullchain.pem", client.chain({"www.example.net"}));
    root.write("etc/letsencrypt/live/README", "x");
    root.write("etc/postfix/main.cf", "# a comment\nmyhostname = mx1.example.org\nsmtpd_tls_cert_file = /etc/letsencrypt/live/shared/fullchain.pem\nsmtpd_tls_key_file =\n  /etc/letsencrypt/live/shared/privkey.pem\n");
    const auto text = text_for(root);
    INFO(text);
    CHECK(has(text, "  mx1.example.org:\n    certificate: external\n    deploy: [{combined: /etc/postfix/tls/mx1.example.org.pem"));
    CHECK_FALSE(has(text, "  www.example.org:\n"));
    CHECK(has(text, "# www.example.org (/etc/letsencrypt/live/shared/fullchain.pem): not taken for an MX host"));
    CHECK(has(text, "#   example.org: {provider: primary}"));
}

TEST_CASE("config check on what was made names what is to be filled in, and nothing when it is") {
    TemporaryFolder root;
    root.write("etc/letsencrypt/live/mx1.example.org/fullchain.pem", ClientOfTests().chain());
    std::string text = text_for(root);
    const auto mistakes = mistakes_in(text).lines;
    REQUIRE(mistakes.size() == 1);
    CHECK(has(mistakes.front(), "hosts.mx1.example.org is in none of `zones`"));
    // What stands behind FILL IN, filled in.
    for (const char* line : {"# providers:", "#   primary:", "# zones:", "#   example.org:"}) {
        const auto at = text.find(line);
        REQUIRE(at != std::string::npos);
        text.erase(at, 2);
    }
    CHECK(mistakes_in(text).lines.empty());
}

TEST_CASE("lego's and dehydrated's folders are read, too; names of mail are known by how they begin") {
    TemporaryFolder root;
    ClientOfTests client;
    root.write("home/postmaster/.lego/certificates/mx1.example.org.crt", client.chain());
    root.write("home/postmaster/.lego/certificates/mx1.example.org.issuer.crt", client.ca.root_pem());
    root.write("var/lib/dehydrated/certs/mail.example.org/fullchain.pem", client.chain({"mail.example.org", "mta-sts.example.org", "*.example.org"}));
    REQUIRE(find_lineages(Client::lego, root.path(), kHome, kNow).size() == 1);
    CHECK(find_lineages(Client::lego, root.path(), kHome, kNow).front().chain == "/home/postmaster/.lego/certificates/mx1.example.org.crt");
    const auto text = text_for(root, Client::dehydrated);
    CHECK(has(text, "  mail.example.org:\n"));
    CHECK_FALSE(has(text, "  mta-sts.example.org:\n"));
    CHECK(has(text, "# *.example.org (/var/lib/dehydrated/certs/mail.example.org/fullchain.pem): no name of one host"));
}

TEST_CASE("an expired lineage and an empty folder leave lines to fill in") {
    TemporaryFolder root;
    ClientOfTests client;
    root.write("etc/letsencrypt/live/mx1.example.org/fullchain.pem", client.leaf({"mx1.example.org"}, at("2025-01-01T00:00:00Z"), at("2025-04-01T00:00:00Z")) + client.ca.root_pem());
    const auto text = text_for(root);
    CHECK(has(text, "has expired"));
    CHECK(has(text, "# FILL IN: no certificate was taken for one of an MX host."));
    CHECK(find_lineages(Client::certbot, root.path() / "nothing", kHome, kNow).empty());
}

TEST_CASE("what Postfix reads is found over continued lines, lists and comments") {
    TemporaryFolder folder;
    const auto main_cf = folder.write("main.cf", "smtpd_tls_chain_files = /a/key.pem,\n# between\n\t/home/postmaster/.acme.sh/mx1_ecc/fullchain.cer /c.pem\nsmtpd_tls_cert_file=$config_directory/x.pem\nmyhostname = $name\n"
                                                 "smtpd_tls_key_file = /etc/letsencrypt/live/a/privkey.pem\nsmtpd_tls_key_file = /other.pem\nsmtp_tls_cert_file = /etc/letsencrypt/live/a/cert.pem\n");
    const auto facts = read_postfix(main_cf);
    std::vector<std::string> files;
    for (const auto& each : facts.files) files.push_back(each.file);
    CHECK(files == std::vector<std::string>{"/a/key.pem", "/home/postmaster/.acme.sh/mx1_ecc/fullchain.cer", "/c.pem", "/other.pem"});
    CHECK(facts.myhostname.empty());
    CHECK(client_folder_of("/home/postmaster/.acme.sh/mx1_ecc/fullchain.cer") == "acme.sh");
    CHECK(client_folder_of("/etc/letsencrypt/live/a/privkey.pem") == "certbot");
    CHECK(client_folder_of("/etc/postfix/tls/mx1.pem").empty());
    CHECK(read_postfix(folder.path() / "none").files.empty());
}

} // namespace mxseal::agent::testing
