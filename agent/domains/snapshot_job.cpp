#include "agent/domains/snapshot_job.hpp"

#include "mta-sts-server/snapshot.hpp"
#include "mta-sts-server/snapshot_writer.hpp"

#include <optional>

namespace mxseal::agent {

namespace {

constexpr std::size_t kPage = 1000; // the store is read by others in between: our choice

Status add(server::SnapshotWriter& writer, const SiteKeys& keys, ServedSite& site) {
    auto key = keys.open(site.pair.sealed, site.pair.domain);
    if (!key.ok()) return std::move(key).error();
    return writer.add({"mta-sts." + site.pair.domain, site.body, std::move(site.pair.leaf), std::move(*key), std::move(site.pair.issuers)});
}

// The keys of what is served now are in the file that is served now.
class FormerSnapshot {
public:
    explicit FormerSnapshot(const std::filesystem::path& file) : file_(file) {}

    bool carry_over(server::SnapshotWriter& writer, const ServedSite& site) {
        if (!opened_) opened_ = server::Snapshot::open(file_);
        if (!opened_->ok()) return false;
        const server::Snapshot& former = ***opened_;
        auto found = former.find("mta-sts." + site.pair.domain);
        if (!found.ok() || !*found || (*found)->issuer_set >= former.issuer_sets().size()) return false;
        return writer.add({(*found)->name, site.body, std::move((*found)->certificate), std::move((*found)->key), former.issuer_sets()[(*found)->issuer_set]}).ok();
    }

private:
    const std::filesystem::path& file_;
    std::optional<Result<std::shared_ptr<const server::Snapshot>>> opened_; // absent: nothing was asked of it
};

} // namespace

Result<WrittenSnapshot> write_snapshot(Store& store, const SiteKeys& keys, const Clock& clock, const std::filesystem::path& file, std::uint64_t generation) {
    auto writer = server::SnapshotWriter::begin(file, generation, clock.wall());
    if (!writer.ok()) return std::move(writer).error();
    WrittenSnapshot written;
    FormerSnapshot former(file);
    for (std::string after;;) {
        auto page = store.served_sites(after, kPage);
        if (!page.ok()) return std::move(page).error();
        if (page->empty()) break;
        after = page->back().pair.domain;
        for (ServedSite& site : *page) {
            // One damaged row must not keep all others from being served, and a lost sealing key none.
            auto added = add(*writer, keys, site);
            const bool carried_over = !added.ok() && former.carry_over(*writer, site);
            written.sites += added.ok() || carried_over;
            if (!added.ok()) written.unopened.push_back({site.pair.domain, added.error().to_string(), carried_over});
        }
    }
    if (auto finished = writer->finish(); !finished.ok()) return std::move(finished).error();
    return written;
}

} // namespace mxseal::agent
