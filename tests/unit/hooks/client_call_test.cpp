#include "agent/hooks/client_call.hpp"

#include <map>

#include <catch2/catch.hpp>

namespace mxseal::agent {

namespace {

struct Variables {
    std::map<std::string, std::string, std::less<>> set;
    VariableOf reader() const {
        return [this](std::string_view name) {
            auto found = set.find(name);
            return found == set.end() ? std::string() : found->second;
        };
    }
};

std::optional<PairFiles> files(Client client, const std::vector<std::string>& words, const Variables& variables = {}) { return pair_of_call(client, words, variables.reader()).value(); }

} // namespace

TEST_CASE("certbot's deploy hook names the lineage") {
    const Variables set{{{"RENEWED_LINEAGE", "/etc/letsencrypt/live/mx1.example.org"}, {"RENEWED_DOMAINS", "mx1.example.org"}}};
    const auto pair = files(Client::certbot, {}, set);
    CHECK(pair->key == "/etc/letsencrypt/live/mx1.example.org/privkey.pem");
    CHECK(pair->chain == "/etc/letsencrypt/live/mx1.example.org/fullchain.pem");
    CHECK_FALSE(pair_of_call(Client::certbot, {}, Variables{}.reader()));
}

TEST_CASE("lego names key and bundle; its issuer file helps where the bundle is the leaf alone") {
    const Variables set{{{"LEGO_CERT_DOMAIN", "mx1"}, {"LEGO_CERT_PATH", "/l/certificates/mx1.crt"}, {"LEGO_CERT_KEY_PATH", "/l/certificates/mx1.key"}}};
    const auto pair = files(Client::lego, {}, set);
    CHECK(pair->key == "/l/certificates/mx1.key");
    CHECK(pair->chain == "/l/certificates/mx1.crt");
    CHECK(pair->issuers == "/l/certificates/mx1.issuer.crt");
}

TEST_CASE("of dehydrated's operations only deploy_cert is heard, and unknown ones are no error") {
    for (const char* other : {"deploy_challenge", "clean_challenge", "sync_cert", "deploy_ocsp", "unchanged_cert", "invalid_challenge", "request_failure", "generate_csr", "startup_hook", "exit_hook", "of_a_later_version"})
        CHECK_FALSE(files(Client::dehydrated, {other, "mx1.example.org", "a", "b"}));
    CHECK_FALSE(files(Client::dehydrated, {}));
    const auto pair = files(Client::dehydrated, {"deploy_cert", "mx1", "/d/privkey.pem", "/d/cert.pem", "/d/fullchain.pem", "/d/chain.pem", "1700000000"});
    CHECK(pair->key == "/d/privkey.pem");
    CHECK(pair->chain == "/d/fullchain.pem");
    CHECK_FALSE(pair_of_call(Client::dehydrated, {"deploy_cert", "mx1"}, Variables{}.reader()));
}

TEST_CASE("acme.sh exports the full chain and the key") {
    const Variables set{{{"CERT_KEY_PATH", "/a/mx1.key"}, {"CERT_FULLCHAIN_PATH", "/a/fullchain.cer"}, {"CERT_PATH", "/a/mx1.cer"}, {"CA_CERT_PATH", "/a/ca.cer"}, {"Le_Domain", "mx1"}}};
    const auto pair = files(Client::acme_sh, {}, set);
    CHECK(pair->key == "/a/mx1.key");
    CHECK(pair->chain == "/a/fullchain.cer");
}

TEST_CASE("uacme's files follow from the name and its folder; a name cannot leave it") {
    CHECK(files(Client::uacme, {"mx1.example.org"})->key == "/etc/ssl/uacme/private/mx1.example.org/key.pem");
    CHECK(files(Client::uacme, {"--confdir", "/u", "mx1.example.org"})->chain == "/u/mx1.example.org/cert.pem");
    for (const std::vector<std::string>& words : {std::vector<std::string>{}, {"../x"}, {".."}, {"a/b"}, {"a", "b"}, {"--confdir", "/u"}, {"--help"}}) CHECK_FALSE(pair_of_call(Client::uacme, words, Variables{}.reader()));
}

TEST_CASE("clients are known by the names of their programs") {
    for (const char* name : {"certbot", "lego", "dehydrated", "acme.sh", "uacme"}) CHECK(to_string(parse_client(name).value()) == name);
    CHECK_FALSE(parse_client("certbots"));
}

} // namespace mxseal::agent
