#include "mta-sts-server/challenges_file.hpp"

#include "mta-sts-server/sum.hpp"
#include "test_sites.hpp"

#include <algorithm>
#include <fstream>

#include <catch2/catch.hpp>
#include <sys/stat.h>
#include <unistd.h>

using namespace mxseal;
using namespace mxseal::server;
using namespace mxseal::server::testing;

namespace {

const std::string kName = "mta-sts.example.org", kToken = "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr_oA";

Challenges some() {
    Challenges out;
    out.http[kName][kToken] = kToken + ".thumbprint";
    out.http[kName]["second"] = "second.thumbprint";
    out.http["mta-sts.b.example"]["third"] = "third.thumbprint";
    out.tls_alpn.emplace(kName, make_tls_alpn(kName, kToken + ".thumbprint").value());
    return out;
}

// With the checksum put right again.
Bytes resealed(Bytes octets) {
    octets.resize(octets.size() - 32);
    Sum sum;
    sum.add(octets);
    const auto digest = sum.finish();
    octets.insert(octets.end(), digest.begin(), digest.end());
    return octets;
}

Bytes packed(const Challenges& challenges) {
    const auto octets = pack_challenges(challenges).value();
    return {octets.reveal().begin(), octets.reveal().end()};
}

} // namespace

TEST_CASE("challenges come out of their file as they went in") {
    const TemporaryFolder folder;
    const auto file = challenges_file_of(folder / "snapshot");
    CHECK(file.filename() == "snapshot.challenges");
    const auto written = some();
    REQUIRE(write_challenges(file, written).ok());
    struct stat facts{};
    REQUIRE(::stat(file.c_str(), &facts) == 0);
    CHECK((facts.st_mode & 07777u) == 0600);
    auto read = read_challenges(file);
    REQUIRE(read.ok());
    CHECK((*read)->http == written.http);
    REQUIRE((*read)->tls_alpn.size() == 1);
    const auto &before = written.tls_alpn.at(kName), &after = (*read)->tls_alpn.at(kName);
    CHECK(after.certificate == before.certificate);
    CHECK(after.key.point == before.key.point);
    CHECK(after.key.scalar.equals(before.key.scalar.reveal()));
}

TEST_CASE("without the file there are no challenges, and one that others may read is refused") {
    const TemporaryFolder folder;
    auto none = read_challenges(folder / "s.challenges");
    REQUIRE(none.ok());
    CHECK((*none)->http.empty());
    REQUIRE(write_challenges(folder / "s.challenges", some()).ok());
    ::chmod((folder / "s.challenges").c_str(), 0640);
    auto refused = read_challenges(folder / "s.challenges");
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().code() == ErrorCode::refused);
    CHECK(refused.error().to_string().find("chmod 0600") != std::string::npos);
}

TEST_CASE("a file of challenges that is cut or changed anywhere is refused") {
    const auto whole = packed(some());
    REQUIRE(unpack_challenges(whole).ok());
    for (std::size_t size = 0; size < whole.size(); ++size) {
        CHECK_FALSE(unpack_challenges(ByteView(whole).first(size)).ok());
        if (size >= 32 + 16) CHECK_FALSE(unpack_challenges(resealed(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)))).ok());
    }
    for (std::size_t at = 0; at < whole.size(); ++at) {
        auto changed = whole;
        changed[at] ^= 0x20;
        CHECK_FALSE(unpack_challenges(changed).ok());
    }
    auto longer = whole;
    longer.insert(longer.begin() + static_cast<std::ptrdiff_t>(whole.size() - 32), 0);
    CHECK_FALSE(unpack_challenges(resealed(longer)).ok());
}

TEST_CASE("what is no challenge is neither written nor read") {
    const auto refused = [](auto change) {
        auto challenges = some();
        change(challenges);
        return !pack_challenges(challenges).ok();
    };
    CHECK(refused([](Challenges& c) { c.http["MTA-STS.example.org"]["t"] = "t.thumbprint"; }));
    CHECK(refused([](Challenges& c) { c.http["a b"]["t"] = "t.thumbprint"; }));
    CHECK(refused([](Challenges& c) { c.http[kName]["../t"] = "../t.thumbprint"; }));
    CHECK(refused([](Challenges& c) { c.http[kName][std::string(129, 't')] = std::string(129, 't') + ".thumbprint"; }));
    for (const char* text : {"t", "t.", "other.thumbprint", "t.thumb print", "t.<script>", "tt.thumbprint"}) CHECK(refused([&](Challenges& c) { c.http[kName]["t"] = text; }));
    CHECK(refused([](Challenges& c) { c.tls_alpn.at(kName).certificate.clear(); }));
    CHECK(refused([](Challenges& c) { c.tls_alpn.at(kName).certificate.resize(kChallengeCertificateMax + 1); }));
    CHECK(refused([](Challenges& c) { c.tls_alpn.at(kName).key.scalar = Secret(Bytes(31)); }));
    CHECK(refused([](Challenges& c) {
        for (std::size_t i = 0; i <= kChallengesMax; ++i) c.http[kName]["t" + std::to_string(i)] = "t" + std::to_string(i) + ".thumbprint";
    }));
    // A key authorization of another token, as only a foreign writer would leave it: reached by mending the sum.
    auto octets = packed(some());
    const std::string_view token = "second";
    const auto at = std::search(octets.begin(), octets.end(), token.begin(), token.end());
    REQUIRE(at != octets.end());
    *at = 'z';
    CHECK_FALSE(unpack_challenges(resealed(octets)).ok());
}

TEST_CASE("challenges out of order or twice are refused") {
    Challenges two;
    two.http[kName]["a"] = "a.x";
    two.http[kName]["b"] = "b.x";
    auto octets = packed(two);
    const std::string_view entry = "\x01" "a" "\x03";
    auto at = std::search(octets.begin(), octets.end(), entry.begin(), entry.end());
    REQUIRE(at != octets.end());
    at[1] = 'c';
    const auto authorization = std::find(at + 2, octets.end(), 'a');
    REQUIRE(authorization[1] == '.');
    *authorization = 'c';
    CHECK_FALSE(unpack_challenges(resealed(octets)).ok());
    at[1] = *authorization = 'b';
    CHECK_FALSE(unpack_challenges(resealed(octets)).ok());
    at[1] = *authorization = 'a';
    CHECK(unpack_challenges(resealed(octets)).ok());
}

TEST_CASE("as many challenges as there may be fit into the file") {
    Challenges most;
    const std::string name = std::string(60, 'n') + "." + std::string(60, 'n') + "." + std::string(60, 'n') + ".";
    const auto alpn = make_tls_alpn(kName, "t.x").value();
    for (std::size_t i = 0; i < kChallengesMax; ++i) {
        const auto digits = std::to_string(1'000'000 + i);
        const auto token = digits + std::string(121, 't');
        most.http[name + "h" + digits][token] = token + "." + std::string(128, 'x');
        most.tls_alpn.emplace(name + "h" + digits, Challenges::TlsAlpn{Bytes(kChallengeCertificateMax, 7), {alpn.key.scalar.clone(), alpn.key.point}});
    }
    const TemporaryFolder folder;
    REQUIRE(write_challenges(folder / "c", most).ok());
    auto read = read_challenges(folder / "c");
    REQUIRE(read.ok());
    CHECK((*read)->http == most.http);
    CHECK((*read)->tls_alpn.size() == kChallengesMax);
}

TEST_CASE("the watch gives challenges out when the file comes, changes and goes") {
    const TemporaryFolder folder;
    const auto file = folder / "c";
    ChallengesWatch watch(file);
    CHECK_FALSE(watch.look().has_value()); // none at the start is no news
    REQUIRE(write_challenges(file, some()).ok());
    auto found = watch.look();
    REQUIRE(found.has_value());
    REQUIRE(found->ok());
    CHECK((**found)->http.size() == 2);
    CHECK_FALSE(watch.look().has_value());
    std::ofstream(file, std::ios::app) << "x";
    found = watch.look();
    REQUIRE(found.has_value());
    CHECK_FALSE(found->ok());
    CHECK_FALSE(watch.look().has_value());
    std::filesystem::remove(file);
    found = watch.look();
    REQUIRE(found.has_value());
    REQUIRE(found->ok());
    CHECK((**found)->http.empty());
}
