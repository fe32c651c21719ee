// What comes before a handshake is done: records, ClientHello, SNI, ALPN, against a shelf with one site.
#include "mta-sts-server/snapshot_writer.hpp"
#include "mta-sts-server/tls_session.hpp"
#include "tests/unit/mta-sts-server/test_sites.hpp"

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

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static World world;
    Wire wire;
    wire.at_hand = {data, size};
    wire.ended = true; // nothing comes behind it
    auto session = TlsSession::make(*world.context, *world.shelf, wire);
    if (!session) return 0;
    // Nobody completes a handshake with a key share whose answer was not seen.
    if (session->handshake() == TlsSession::Step::done) std::abort();
    if (session->site() != nullptr && session->site()->name != "mta-sts.example.org") std::abort();
    return 0;
}
