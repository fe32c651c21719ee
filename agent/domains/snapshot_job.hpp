// Writes the packed snapshot from what the store says is served. Blocks for a second or so a hundred thousand sites: for a worker.
#pragma once

#include "agent/domains/site_keys.hpp"
#include "agent/domains/site_outside.hpp"
#include "agent/store/store.hpp"
#include "base/time.hpp"

#include <filesystem>

namespace mxseal::agent {

struct WrittenSnapshot {
    std::size_t sites = 0;
    std::vector<UnopenedSite> unopened;
};

// In place and synced when it returns. A site that cannot be opened keeps the certificate that `file` has for it, with the body of now. What is stored while it runs may or may not be in it, and then is in the next one. An error: the
// old file stays.
Result<WrittenSnapshot> write_snapshot(Store& store, const SiteKeys& keys, const Clock& clock, const std::filesystem::path& file, std::uint64_t generation);

} // namespace mxseal::agent
