// Makes COUNT sites mta-sts.d0.example, mta-sts.d1.example, .. in FOLDER: `snapshot` for `mxseal serve`, `names`, and with --pem the files that
// other servers read: NAME.pem (chain, then key).
//
//   bench_endpoint_sites FOLDER COUNT [--pem] [--generation N]
#include "mta-sts-server/snapshot_writer.hpp"
#include "tests/unit/mta-sts-server/test_sites.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include <fmt/format.h>

using namespace mxseal;
using namespace mxseal::server;

int main(int count, char** words) {
    if (count < 3) return std::fputs("bench_endpoint_sites FOLDER COUNT [--pem] [--generation N]\n", stderr), 2;
    const std::filesystem::path folder = words[1];
    const long sites = std::atol(words[2]);
    bool pem = false;
    std::uint64_t generation = 1;
    for (int i = 3; i < count; ++i) {
        if (std::strcmp(words[i], "--pem") == 0) pem = true;
        if (std::strcmp(words[i], "--generation") == 0 && i + 1 < count) generation = std::strtoull(words[++i], nullptr, 10);
    }
    const testing::TestSites world;
    auto writer = SnapshotWriter::begin(folder / "snapshot", generation, SystemClock().wall());
    if (!writer) return std::fputs(writer.error().to_string().c_str(), stderr), 1;
    std::ofstream names(folder / "names");
    for (long i = 0; i < sites; ++i) {
        const auto domain = fmt::format("d{}.example", i);
        const auto site = world.make("mta-sts." + domain, testing::policy_of(domain));
        if (auto added = writer->add(site); !added) return std::fputs(added.error().to_string().c_str(), stderr), 1;
        names << site.name << "\n";
        if (pem) std::ofstream(folder / (site.name + ".pem")) << world.chain_pem(site) << world.key_pem(site);
    }
    if (auto finished = writer->finish(); !finished) return std::fputs(finished.error().to_string().c_str(), stderr), 1;
    return 0;
}
