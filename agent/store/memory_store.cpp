#include "agent/store/memory_store.hpp"

#include "agent/store/checks.hpp"

#include <algorithm>
#include <map>
#include <mutex>
#include <utility>

#include <fmt/format.h>

namespace mxseal::agent {

namespace {

using Place = std::pair<std::string, std::string>; // kind, id

struct HostEntry {
    std::string document, summary;
    std::optional<Instant> due;
};

struct Content {
    std::int64_t token = 0;
    std::string holder;
    std::map<std::string, HostEntry> hosts;
    std::map<std::string, Bytes> keys;
    std::map<std::string, std::string> chains;
    std::map<Place, Json> documents;
    std::map<Place, Bytes> blobs;
    std::map<std::string, std::pair<std::int64_t, DomainRow>> domains; // by name, with the version of its last change
    std::int64_t domains_version = 0;
    std::map<std::string, SiteRow> sites;
    std::map<std::string, SitePair> pairs;
    std::map<std::string, Commit::Policy> policies;
    std::map<std::int64_t, StoredRequest> requests;
    std::int64_t last_request = 0;
    std::vector<LogEntry> log;
};

void apply(Content& content, const Commit& commit) {
    for (const Commit::Host& host : commit.hosts) content.hosts[host.name] = {host.document, host.summary, host.due};
    for (LogEntry entry : commit.log) {
        entry.id = static_cast<std::int64_t>(content.log.size()) + 1;
        content.log.push_back(std::move(entry));
    }
    for (const SiteRow& site : commit.sites) content.sites[site.domain] = site;
    for (const SitePair& pair : commit.pairs) content.pairs[pair.domain] = pair;
    for (const std::string& domain : commit.gone_sites) {
        content.sites.erase(domain);
        content.pairs.erase(domain);
    }
    for (const Commit::Policy& policy : commit.policies) content.policies[policy.row.domain] = policy;
    for (const std::string& domain : commit.gone_policies) content.policies.erase(domain);
    for (std::int64_t id : commit.consumed_requests) content.requests.erase(id);
    for (const auto& [name, fact] : commit.facts) content.documents[{"agent", name}] = fact;
}

template <class Map, class Key>
auto find_in(const Map& map, const Key& key) -> std::optional<typename Map::mapped_type> {
    auto found = map.find(key);
    return found == map.end() ? std::nullopt : std::optional(found->second);
}

} // namespace

class MemoryDatabase::Impl {
public:
    std::mutex mutex;
    Content content;
    std::optional<Content> durable;                 // set while syncs are held back
    std::function<WriteFate(std::string_view)> decide;
    unsigned fail_every = 0;
    std::size_t counted = 0, writes = 0;
    const void* lease_of = nullptr;                 // the store that holds the flock
    std::int64_t generation = 0;                    // rises with each crash

    WriteFate fate(std::string_view call) {
        ++writes;
        if (fail_every > 0 && ++counted % fail_every == 0) return WriteFate::fails;
        return decide ? decide(call) : WriteFate::carried_out;
    }
};

MemoryDatabase::MemoryDatabase() : impl_(std::make_unique<Impl>()) {}
MemoryDatabase::~MemoryDatabase() = default;

void MemoryDatabase::on_write(std::function<WriteFate(std::string_view)> decide) {
    std::lock_guard lock(impl_->mutex);
    impl_->decide = std::move(decide);
}

void MemoryDatabase::fail_every(unsigned n) {
    std::lock_guard lock(impl_->mutex);
    impl_->fail_every = n;
    impl_->counted = 0;
}

void MemoryDatabase::hold_back_syncs() {
    std::lock_guard lock(impl_->mutex);
    if (!impl_->durable) impl_->durable = impl_->content;
}

void MemoryDatabase::sync() {
    std::lock_guard lock(impl_->mutex);
    impl_->durable.reset();
}

void MemoryDatabase::crash() {
    std::lock_guard lock(impl_->mutex);
    if (impl_->durable) impl_->content = *std::exchange(impl_->durable, std::nullopt);
    impl_->lease_of = nullptr;
    ++impl_->generation;
}

MemoryBackup MemoryDatabase::backup() const {
    std::lock_guard lock(impl_->mutex);
    return std::make_shared<const Content>(impl_->content);
}

void MemoryDatabase::restore(const MemoryBackup& backup) {
    crash();
    std::lock_guard lock(impl_->mutex);
    impl_->content = *static_cast<const Content*>(backup.get());
}

std::size_t MemoryDatabase::writes() const {
    std::lock_guard lock(impl_->mutex);
    return impl_->writes;
}

namespace {

class MemoryStore final : public Store {
public:
    explicit MemoryStore(std::shared_ptr<MemoryDatabase> database)
        : database_(std::move(database)), disk_(database_->impl()), generation_(generation_now()) {}

    ~MemoryStore() override {
        std::lock_guard lock(disk_.mutex);
        if (disk_.lease_of == this) disk_.lease_of = nullptr;
    }

    Result<FencingToken> acquire_lease(const std::string& holder) override {
        return write<FencingToken>("acquire_lease", [&](Content& content) -> Result<FencingToken> {
            if (disk_.lease_of != nullptr && disk_.lease_of != this) return lease_held(content.holder);
            disk_.lease_of = this;
            content.holder = holder;
            return FencingToken{++content.token};
        });
    }

    Result<std::vector<HostRow>> load_hosts() override {
        return read<std::vector<HostRow>>([](const Content& content) -> Result<std::vector<HostRow>> {
            std::vector<HostRow> rows;
            for (const auto& [name, host] : content.hosts) {
                auto summary = Json::parse(host.summary);
                if (!summary.ok()) return std::move(summary).error();
                rows.push_back({name, std::move(*summary), host.due});
            }
            return rows;
        });
    }
    Result<std::optional<Json>> load_host(const std::string& name) override {
        return read<std::optional<Json>>([&](const Content& content) -> Result<std::optional<Json>> {
            auto host = content.hosts.find(name);
            if (host == content.hosts.end()) return std::optional<Json>();
            auto document = Json::parse(host->second.document);
            if (!document.ok()) return std::move(document).error();
            return std::optional<Json>(std::move(*document));
        });
    }
    Status commit(const FencingToken& token, const Commit& commit) override {
        if (auto checked = check_commit(commit); !checked) return checked;
        return write<Done>("commit", [&](Content& content) -> Status {
            if (token.value != content.token || token.value <= 0) return lease_lost(token, content.token, content.holder);
            apply(content, commit);
            return done();
        });
    }

    Status put_key(const std::string& spki, std::string_view host, std::string_view, ByteView sealed) override {
        if (auto checked = check_key(spki, host, sealed); !checked) return checked;
        return change("put_key", [&](Content& content) { content.keys.emplace(spki, Bytes(sealed.begin(), sealed.end())); });
    }
    Result<std::optional<Bytes>> get_key(const std::string& spki) override {
        return read<std::optional<Bytes>>([&](const Content& content) { return find_in(content.keys, spki); });
    }
    Status put_chain(const std::string& spki, const std::string& pem) override {
        if (auto checked = check_chain(spki, pem); !checked) return checked;
        return change("put_chain", [&](Content& content) { content.chains[spki] = pem; });
    }
    Result<std::optional<std::string>> get_chain(const std::string& spki) override {
        return read<std::optional<std::string>>([&](const Content& content) { return find_in(content.chains, spki); });
    }

    Result<std::optional<Json>> get_document(std::string_view kind, std::string_view id) override {
        return read<std::optional<Json>>([&](const Content& content) { return find_in(content.documents, place(kind, id)); });
    }
    Status put_document(std::string_view kind, std::string_view id, const Json& document) override {
        if (auto checked = check_document_id(kind, id); !checked) return checked;
        return change("put_document", [&](Content& content) { content.documents[place(kind, id)] = document; });
    }
    Status remove_document(std::string_view kind, std::string_view id) override {
        return change("remove_document", [&](Content& content) { content.documents.erase(place(kind, id)); });
    }
    Result<std::vector<std::pair<std::string, Json>>> list_documents(std::string_view kind) override {
        return read<std::vector<std::pair<std::string, Json>>>([&](const Content& content) {
            std::vector<std::pair<std::string, Json>> found;
            for (auto entry = content.documents.lower_bound(place(kind, "")); entry != content.documents.end() && entry->first.first == kind; ++entry)
                found.emplace_back(entry->first.second, entry->second);
            return found;
        });
    }
    Status put_blob(std::string_view kind, std::string_view id, ByteView blob) override {
        if (auto checked = check_document_id(kind, id); !checked) return checked;
        return change("put_blob", [&](Content& content) { content.blobs[place(kind, id)] = Bytes(blob.begin(), blob.end()); });
    }
    Result<std::optional<Bytes>> get_blob(std::string_view kind, std::string_view id) override {
        return read<std::optional<Bytes>>([&](const Content& content) { return find_in(content.blobs, place(kind, id)); });
    }

    Status put_domains(const std::vector<DomainRow>& rows) override {
        if (auto checked = check_domains(rows); !checked) return checked;
        return change("put_domains", [&](Content& content) {
            ++content.domains_version;
            for (const DomainRow& row : rows) content.domains[row.name] = {content.domains_version, row};
        });
    }
    Result<DomainChanges> domains_since(std::int64_t version) override {
        return read<DomainChanges>([&](const Content& content) {
            DomainChanges changes{content.domains_version, {}};
            for (const auto& [name, entry] : content.domains)
                if (entry.first > version) changes.rows.push_back(entry.second);
            return changes;
        });
    }
    Result<std::vector<SiteRow>> load_sites() override {
        return read<std::vector<SiteRow>>([](const Content& content) {
            std::vector<SiteRow> sites;
            for (const auto& entry : content.sites) sites.push_back(entry.second);
            return sites;
        });
    }
    Result<std::optional<SitePair>> load_pair(const std::string& domain) override {
        return read<std::optional<SitePair>>([&](const Content& content) { return find_in(content.pairs, domain); });
    }
    Result<std::vector<PolicyRow>> load_policies() override {
        return read<std::vector<PolicyRow>>([](const Content& content) {
            std::vector<PolicyRow> policies;
            for (const auto& entry : content.policies) policies.push_back(entry.second.row);
            return policies;
        });
    }
    Result<std::optional<Json>> load_policy(const std::string& domain) override {
        return read<std::optional<Json>>([&](const Content& content) -> Result<std::optional<Json>> {
            auto found = content.policies.find(domain);
            if (found == content.policies.end()) return std::optional<Json>();
            auto document = Json::parse(found->second.document);
            if (!document) return std::move(document).error();
            return std::optional<Json>(std::move(*document));
        });
    }
    Result<std::vector<ServedSite>> served_sites(const std::string& after, std::size_t limit) override {
        return read<std::vector<ServedSite>>([&](const Content& content) {
            std::vector<ServedSite> served;
            for (auto site = content.sites.upper_bound(after); site != content.sites.end() && served.size() < limit; ++site)
                if (auto pair = content.pairs.find(site->first); pair != content.pairs.end() && !site->second.body.empty()) served.push_back({site->second.body, pair->second});
            return served;
        });
    }

    Result<std::int64_t> add_request(Instant at, const Json& body) override {
        return write<std::int64_t>("add_request", [&](Content& content) -> Result<std::int64_t> {
            if (content.requests.size() >= kPendingRequestsMax) return too_many_requests();
            std::int64_t id = ++content.last_request;
            content.requests[id] = {id, at, body};
            return id;
        });
    }
    Result<std::vector<StoredRequest>> pending_requests() override {
        return read<std::vector<StoredRequest>>([](const Content& content) {
            std::vector<StoredRequest> requests;
            for (const auto& entry : content.requests) requests.push_back(entry.second);
            return requests;
        });
    }
    Result<std::vector<LogEntry>> read_log(const LogFilter& filter) override {
        return read<std::vector<LogEntry>>([&](const Content& content) {
            std::vector<LogEntry> entries;
            for (auto entry = content.log.rbegin(); entry != content.log.rend() && entries.size() < filter.limit && entry->id > filter.after_id; ++entry)
                if (filter.host.empty() || entry->host == filter.host) entries.push_back(*entry);
            std::reverse(entries.begin(), entries.end());
            return entries;
        });
    }

private:
    static Place place(std::string_view kind, std::string_view id) { return {std::string(kind), std::string(id)}; }
    static Error broken(std::string_view call) {
        return Error(ErrorCode::io, fmt::format("memory store: {} failed, as the test asked", call), Retry::transient());
    }

    std::int64_t generation_now() {
        std::lock_guard lock(disk_.mutex);
        return disk_.generation;
    }

    template <class T, class Work>
    Result<T> read(Work&& work) {
        std::lock_guard lock(disk_.mutex);
        if (generation_ != disk_.generation) return broken("a read after the crash");
        return work(std::as_const(disk_.content));
    }
    template <class T, class Work>
    Result<T> write(std::string_view call, Work&& work) {
        std::lock_guard lock(disk_.mutex);
        if (generation_ != disk_.generation) return broken("a write after the crash");
        WriteFate fate = disk_.fate(call);
        if (fate == WriteFate::fails) return broken(call);
        Result<T> result = work(disk_.content);
        if (fate == WriteFate::written_but_fails) return broken(call);
        return result;
    }
    template <class Work>
    Status change(std::string_view call, Work&& work) {
        return write<Done>(call, [&](Content& content) -> Status {
            work(content);
            return done();
        });
    }

    std::shared_ptr<MemoryDatabase> database_;
    MemoryDatabase::Impl& disk_;
    std::int64_t generation_;
};

} // namespace

std::unique_ptr<Store> make_memory_store(std::shared_ptr<MemoryDatabase> database) { return std::make_unique<MemoryStore>(std::move(database)); }

} // namespace mxseal::agent
