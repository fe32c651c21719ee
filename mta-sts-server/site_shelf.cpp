#include "mta-sts-server/site_shelf.hpp"

namespace mxseal::server {

Result<std::unique_ptr<SiteShelf>> SiteShelf::make(std::size_t capacity) {
    auto reader = ObjectReader::make();
    if (!reader) return std::move(reader).error();
    return std::unique_ptr<SiteShelf>(new SiteShelf(std::move(reader).value(), capacity));
}

void SiteShelf::use(std::shared_ptr<const Snapshot> snapshot) {
    snapshot_ = std::move(snapshot);
    by_name_.clear();
    newest_.clear();
    issuers_.assign(snapshot_->issuer_sets().size(), nullptr);
}

Result<std::shared_ptr<const LoadedSite>> SiteShelf::find(const std::string& name) {
    const auto known = by_name_.find(name);
    if (known != by_name_.end()) {
        newest_.splice(newest_.begin(), newest_, known->second);
        return newest_.front();
    }
    auto stored = snapshot_->find(name);
    if (!stored) return std::move(stored).error().in_context(name);
    if (!*stored) return std::shared_ptr<const LoadedSite>();
    auto site = load(std::move(**stored));
    if (!site) return std::move(site).error().in_context(name);
    keep(*site);
    return site;
}

Result<std::shared_ptr<const LoadedSite>> SiteShelf::find_challenge(const std::string& name) const {
    const auto found = challenges_->tls_alpn.find(name);
    if (found == challenges_->tls_alpn.end()) return std::shared_ptr<const LoadedSite>();
    auto key = reader_.key(found->second.key);
    if (!key) return std::move(key).error();
    auto certificate = reader_.leaf(found->second.certificate, found->second.key, key->get());
    if (!certificate) return std::move(certificate).error();
    auto site = std::make_shared<LoadedSite>(LoadedSite{name, {}, std::move(certificate).value(), std::move(key).value(), nullptr, 0});
    return std::shared_ptr<const LoadedSite>(std::move(site));
}

Result<std::shared_ptr<const LoadedSite>> SiteShelf::load(StoredSite stored) {
    auto key = reader_.key(stored.key);
    if (!key) return std::move(key).error();
    auto certificate = reader_.leaf(stored.certificate, stored.key, key->get());
    if (!certificate) return std::move(certificate).error();
    auto chain = issuers(stored.issuer_set);
    if (!chain) return std::move(chain).error();
    auto site = std::make_shared<LoadedSite>(
        LoadedSite{std::move(stored.name), std::move(stored.policy), std::move(certificate).value(), std::move(key).value(), std::move(chain).value(), snapshot_->facts().generation});
    return std::shared_ptr<const LoadedSite>(std::move(site));
}

Result<std::shared_ptr<stack_st_X509>> SiteShelf::issuers(std::uint32_t set) {
    const auto& ders = snapshot_->issuer_sets()[set]; // Snapshot::find() has checked it
    if (ders.empty()) return std::shared_ptr<stack_st_X509>();
    if (!issuers_[set]) {
        auto chain = reader_.issuers(ders);
        if (!chain) return std::move(chain).error();
        issuers_[set] = std::shared_ptr<stack_st_X509>(chain->release(), FreeOpenssl());
    }
    return issuers_[set];
}

void SiteShelf::keep(const std::shared_ptr<const LoadedSite>& site) {
    if (capacity_ == 0) return;
    if (newest_.size() >= capacity_) {
        by_name_.erase(newest_.back()->name);
        newest_.pop_back();
    }
    newest_.push_front(site);
    by_name_.emplace(site->name, newest_.begin());
}

} // namespace mxseal::server
