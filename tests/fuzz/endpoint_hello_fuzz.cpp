// What comes before a handshake is done: records, ClientHello, SNI, ALPN, against a shelf with one site. The first octet chooses how much of
// the ClientHello is put right: nothing; all but the extensions; all but the name and the list of protocols.
#include "mta-sts-server/snapshot_writer.hpp"
#include "mta-sts-server/tls_session.hpp"
#include "tests/unit/mta-sts-server/test_sites.hpp"

#include <algorithm>
#include <cstdlib>

using namespace mxseal;
using namespace mxseal::server;

namespace {

struct World {
    World() {
        const testing::TestSites sites;
        const testing::TestFolder folder;
        const auto site = sites.make("mta-sts.example.org", "version: STSv1\r\n");
        testing::write_snapshot(folder / "snapshot", 1, {&site});
        shelf->use(Snapshot::open(folder / "snapshot").value());
    }
    std::unique_ptr<TlsContext> context = TlsContext::make().value();
    std::unique_ptr<SiteShelf> shelf = SiteShelf::make(4).value();
};

void append_number(Bytes& out, std::size_t number, int octets) {
    while (octets-- > 0) out.push_back(static_cast<std::uint8_t>(number >> (8 * octets)));
}
void append_counted(Bytes& out, const Bytes& inner, int octets) {
    append_number(out, inner.size(), octets);
    out.insert(out.end(), inner.begin(), inner.end());
}
void append_extension(Bytes& out, std::size_t type, const Bytes& inner) {
    append_number(out, type, 2);
    append_counted(out, inner, 2);
}

// RFC 8446 section 4.2: TLS 1.3 or 1.2, P-256 and X25519, ecdsa_secp256r1_sha256, a key share of X25519 (its point is 9).
Bytes good_extensions() {
    Bytes out, share{0, 36, 0, 29, 0, 32, 9};
    share.resize(2 + 4 + 32);
    append_extension(out, 43, {4, 3, 4, 3, 3});
    append_extension(out, 10, {0, 4, 0, 29, 0, 23});
    append_extension(out, 13, {0, 2, 4, 3});
    append_extension(out, 51, share);
    return out;
}

// RFC 6066 section 3 and RFC 7301 section 3.1: `data` is the length of a name, the name, a list of protocols.
Bytes name_and_protocols(ByteView data) {
    const std::size_t size = data.empty() ? 0 : std::min<std::size_t>(data[0], data.size() - 1);
    Bytes entry{0}, list, out = good_extensions();
    append_counted(entry, Bytes(data.begin() + (data.empty() ? 0 : 1), data.begin() + static_cast<std::ptrdiff_t>(data.empty() ? 0 : 1 + size)), 2);
    append_counted(list, entry, 2);
    append_extension(out, 0, list);
    const Bytes protocols(data.begin() + static_cast<std::ptrdiff_t>(data.empty() ? 0 : 1 + size), data.end());
    if (!protocols.empty()) append_extension(out, 16, protocols);
    return out;
}

// RFC 8446 section 4.1.2, in one record.
Bytes hello_with(const Bytes& extensions) {
    Bytes body{3, 3}, message{1}, record{22, 3, 1};
    body.resize(2 + 32, 0x55);
    body.push_back(0); // no session
    append_counted(body, {0x13, 0x01, 0xc0, 0x2b}, 2);
    append_counted(body, {0}, 1);
    append_counted(body, extensions, 2);
    append_counted(message, body, 3);
    append_counted(record, message, 2);
    return record;
}

Bytes octets_of(ByteView data) {
    if (data.empty()) return {};
    const auto rest = data.subspan(1, std::min<std::size_t>(data.size() - 1, 15'000));
    if (data[0] % 3 == 0) return {rest.begin(), rest.end()};
    if (data[0] % 3 == 2) return hello_with(name_and_protocols(rest));
    auto extensions = good_extensions();
    extensions.insert(extensions.end(), rest.begin(), rest.end());
    return hello_with(extensions);
}

// The name of the site that was chosen; empty: none.
std::string chosen(World& world, const Bytes& octets) {
    Wire wire;
    wire.at_hand = octets;
    wire.ended = true; // nothing comes behind it
    auto session = TlsSession::make(*world.context, *world.shelf, wire);
    if (!session) return {};
    // Nobody completes a handshake with a key share whose answer was not seen.
    if (session->handshake() == TlsSession::Step::done) std::abort();
    return session->site() != nullptr ? session->site()->name : std::string();
}

// Once: a hello that is put right is one.
bool reaches_a_site(World& world) {
    const std::string text = "\x02\x13" "MTA-STS.example.org";
    if (chosen(world, octets_of(view_of(text))) != "mta-sts.example.org") std::abort();
    return true;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static World world;
    static const bool reached = reaches_a_site(world);
    const auto name = chosen(world, octets_of({data, size}));
    if (!reached || (!name.empty() && name != "mta-sts.example.org")) std::abort();
    return 0;
}
