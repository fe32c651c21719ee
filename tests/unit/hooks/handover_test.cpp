// Keys that mxseal makes for a client: laid out whole, and laid into the client's own place.
#include "agent/hooks/client_files.hpp"
#include "agent/hooks/handover.hpp"
#include "agent/store/memory_store.hpp"
#include "tests/unit/hooks/pairs.hpp"

#include <openssl/pem.h>
#include <openssl/x509.h>

namespace mxseal::agent::testing {

namespace {

struct Rig {
    Rig() {
        host.name = *dns::Name::parse("mx1.example.org");
        host.certificate = "external";
        host.external.keys = KeyMaker::mxseal;
        for (auto algorithm : {rotation::Algorithm::ecdsa_p256, rotation::Algorithm::ecdsa_p256, rotation::Algorithm::rsa_2048}) {
            auto key = PrivateKey::generate(algorithm).value();
            REQUIRE(vault.put(key, "mx1.example.org"));
            keys.push_back(key.spki());
        }
    }
    std::filesystem::path hand(std::vector<rotation::SpkiHash> which) { return hand_over(state.path(), host, which, vault).value(); }

    TemporaryFolder state;
    std::shared_ptr<MemoryDatabase> database = std::make_shared<MemoryDatabase>();
    std::unique_ptr<Store> store = make_memory_store(database);
    Sealer sealer = Sealer::load_or_create(state.path() / "key").value();
    KeyVault vault{*store, sealer};
    HostConfig host;
    std::vector<rotation::SpkiHash> keys;
};

std::string content_of(const std::filesystem::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

rotation::SpkiHash key_in(const std::filesystem::path& file) { return PrivateKey::from_pem(view_of(content_of(file))).value().spki(); }

// The public half that a request asks a certificate for, as the private key that fits it; the request's own signature is checked, too.
bool request_is_of(const std::filesystem::path& csr, const std::filesystem::path& key) {
    const std::string text = content_of(csr), pem = content_of(key);
    openssl::Bio bio = openssl::read_only(view_of(text));
    openssl::SigningRequest request(PEM_read_bio_X509_REQ(bio.get(), nullptr, nullptr, nullptr));
    const auto own = PrivateKey::from_pem(view_of(pem)).value();
    return request && X509_REQ_check_private_key(request.get(), own.get()) == 1 && X509_REQ_verify(request.get(), own.get()) == 1;
}

std::size_t entries_of(const std::filesystem::path& folder) {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder), std::filesystem::directory_iterator()));
}

} // namespace

TEST_CASE("key and request are of one another, private, and change together") {
    Rig rig;
    const auto folder = rig.hand({rig.keys[0]});
    CHECK(folder == rig.state.path() / "handover" / "mx1.example.org");
    CHECK(key_in(folder / "key.pem") == rig.keys[0]);
    CHECK(request_is_of(folder / "csr.pem", folder / "key.pem"));
    for (const char* name : {"key.pem", "csr.pem"}) {
        struct ::stat facts{};
        REQUIRE(::stat((folder / name).c_str(), &facts) == 0);
        CHECK((facts.st_mode & 07777) == 0600);
    }
    const auto before = content_of(folder / "csr.pem");
    CHECK(rig.hand({rig.keys[0]}) == folder); // again: nothing is written
    CHECK(content_of(folder / "csr.pem") == before);
    rig.hand({rig.keys[1]});
    CHECK(key_in(folder / "key.pem") == rig.keys[1]);
    CHECK(request_is_of(folder / "csr.pem", folder / "key.pem"));
    CHECK(entries_of(folder.parent_path()) == 2); // the link and what it names: no older key stays
}

TEST_CASE("a second algorithm has a folder of its own, and a folder that the configuration names is used") {
    Rig rig;
    rig.host.external.folder = rig.state.path() / "for-client";
    const auto folder = rig.hand({rig.keys[0], rig.keys[2]});
    CHECK(folder == rig.state.path() / "for-client");
    CHECK(key_in(folder / "key.pem") == rig.keys[0]);
    CHECK(key_in(folder / "rsa-2048" / "key.pem") == rig.keys[2]);
    CHECK(request_is_of(folder / "rsa-2048" / "csr.pem", folder / "rsa-2048" / "key.pem"));
}

TEST_CASE("a folder that was begun and not finished is finished, and a stranger's is left alone") {
    Rig rig;
    const auto folder = rig.hand({rig.keys[0]});
    std::filesystem::remove(folder / "key.pem");
    rig.hand({rig.keys[0]});
    CHECK(request_is_of(folder / "csr.pem", folder / "key.pem"));
    rig.host.external.folder = rig.state.write("mine/notes", "x").parent_path();
    CHECK_FALSE(hand_over(rig.state.path(), rig.host, {rig.keys[0]}, rig.vault));
    CHECK(content_of(rig.state.path() / "mine" / "notes") == "x");
}

TEST_CASE("the key is laid into each client's place, once, and its former one is what it replaces") {
    Rig rig;
    ClientOfTests before;
    const auto from = rig.hand({rig.keys[0]}) / "key.pem";
    for (const auto& [client, file] : {std::pair(Client::lego, "certificates/mx1.example.org.key"), std::pair(Client::dehydrated, "mx1.example.org/privkey.pem"),
                                       std::pair(Client::acme_sh, "mx1.example.org_ecc/mx1.example.org.key"), std::pair(Client::uacme, "private/mx1.example.org/key.pem")}) {
        INFO(to_string(client));
        TemporaryFolder folder;
        CHECK_FALSE(lay_key(client, folder.path(), "mx1.example.org", from)); // nothing issued yet
        const auto place = folder.write(file, before.key_pem());
        CHECK(key_file_of(client, folder.path(), "mx1.example.org") == place);
        CHECK(lay_key(client, folder.path(), "mx1.example.org", from).value());
        CHECK(key_in(place) == rig.keys[0]);
        CHECK_FALSE(lay_key(client, folder.path(), "mx1.example.org", from).value());
    }
}

TEST_CASE("certbot's and dehydrated's links: the one is followed into the archive, the other replaced") {
    Rig rig;
    TemporaryFolder folder;
    const auto from = rig.hand({rig.keys[0]}) / "key.pem";
    for (const auto& [client, link] : {std::pair(Client::certbot, "live/mx1.example.org/privkey.pem"), std::pair(Client::dehydrated, "mx1.example.org/privkey.pem")}) {
        INFO(to_string(client));
        const auto archived = folder.write("archive/" + std::string(to_string(client)) + "1.pem", ClientOfTests().key_pem());
        std::filesystem::create_directories((folder.path() / link).parent_path());
        std::filesystem::create_symlink(archived, folder.path() / link);
        CHECK(lay_key(client, folder.path(), "mx1.example.org", from).value());
        CHECK(std::filesystem::is_symlink(folder.path() / link) == (client == Client::certbot));
        CHECK(key_in(folder.path() / link) == rig.keys[0]);
        CHECK((key_in(archived) == rig.keys[0]) == (client == Client::certbot));
    }
}

} // namespace mxseal::agent::testing
