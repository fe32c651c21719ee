#include "agent/domains/snapshot_job.hpp"

#include "mta-sts-server/snapshot_writer.hpp"

namespace mxseal::agent {

namespace {

constexpr std::size_t kPage = 1000; // the store is read by others in between: our choice

Status add(server::SnapshotWriter& writer, const SiteKeys& keys, ServedSite& site) {
    auto key = keys.open(site.pair.sealed, site.pair.domain);
    if (!key.ok()) return std::move(key).error();
    return writer.add({"mta-sts." + site.pair.domain, std::move(site.body), std::move(site.pair.leaf), std::move(*key), std::move(site.pair.issuers)});
}

} // namespace

Result<WrittenSnapshot> write_snapshot(Store& store, const SiteKeys& keys, const Clock& clock, const std::filesystem::path& file, std::uint64_t generation) {
    auto writer = server::SnapshotWriter::begin(file, generation, clock.wall());
    if (!writer.ok()) return std::move(writer).error();
    WrittenSnapshot written;
    for (std::string after;;) {
        auto page = store.served_sites(after, kPage);
        if (!page.ok()) return std::move(page).error();
        if (page->empty()) break;
        after = page->back().pair.domain;
        for (ServedSite& site : *page) {
            const std::string domain = site.pair.domain;
            // One damaged row must not keep all others from being served.
            if (auto added = add(*writer, keys, site); added.ok())
                ++written.sites;
            else
                written.left_out.push_back(domain + ": " + added.error().to_string());
        }
    }
    if (auto finished = writer->finish(); !finished.ok()) return std::move(finished).error();
    return written;
}

} // namespace mxseal::agent
