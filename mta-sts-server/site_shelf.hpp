// SiteShelf: the sites of a snapshot as OpenSSL takes them, read when first asked for and kept in a bounded cache. One for each
// loop; only its thread calls it.
#pragma once

#include "mta-sts-server/challenges.hpp"
#include "mta-sts-server/key_objects.hpp"
#include "mta-sts-server/snapshot.hpp"

#include <list>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace mxseal::server {

struct LoadedSite {
    std::string name, policy;
    CertificateHandle certificate;
    KeyHandle key;
    std::shared_ptr<stack_st_X509> issuers; // null: none
    std::uint64_t generation = 0;           // of the snapshot that it was read from
};

class SiteShelf {
public:
    static Result<std::unique_ptr<SiteShelf>> make(std::size_t capacity);

    // What is given out from now on; connections keep what they hold.
    void use(std::shared_ptr<const Snapshot> snapshot);
    void use(std::shared_ptr<const Challenges> challenges) { challenges_ = std::move(challenges); }
    const Snapshot& snapshot() const { return *snapshot_; }
    const Challenges& challenges() const { return *challenges_; }

    // `name` in the form of served_name(). Null: unknown. An error is of the snapshot (`io`) or of the certificate in it.
    Result<std::shared_ptr<const LoadedSite>> find(const std::string& name);
    // The certificate that answers tls-alpn-01 for `name`; null: none is waited for.
    Result<std::shared_ptr<const LoadedSite>> find_challenge(const std::string& name) const;
    std::size_t cached() const { return by_name_.size(); }

private:
    SiteShelf(ObjectReader reader, std::size_t capacity) : reader_(std::move(reader)), capacity_(capacity) {}
    Result<std::shared_ptr<const LoadedSite>> load(StoredSite stored);
    Result<std::shared_ptr<stack_st_X509>> issuers(std::uint32_t set);
    void keep(const std::shared_ptr<const LoadedSite>& site);

    using Newest = std::list<std::shared_ptr<const LoadedSite>>; // most recently used first
    ObjectReader reader_;
    const std::size_t capacity_;
    std::shared_ptr<const Snapshot> snapshot_;
    std::shared_ptr<const Challenges> challenges_ = std::make_shared<Challenges>();
    Newest newest_;
    std::unordered_map<std::string_view, Newest::iterator> by_name_; // views of the sites' own names
    std::vector<std::shared_ptr<stack_st_X509>> issuers_;            // by set, read when first needed
};

} // namespace mxseal::server
