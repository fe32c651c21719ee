// Disks on which the tests open stores, one a kind of store.
#pragma once

#include "agent/store/memory_store.hpp"
#include "agent/store/sqlite_store.hpp"
#include "tests/temporary_folder.hpp"

#include <filesystem>
#include <memory>
#include <string>

#include <catch2/catch.hpp>

namespace mxseal::agent {

class SqliteWorld {
public:
    std::unique_ptr<Store> open() {
        auto store = make_sqlite_store(state());
        if (!store) FAIL(store.error().to_string());
        return std::move(store).value();
    }
    std::filesystem::path state() const { return folder_ / "state"; }
    std::filesystem::path file() const { return state() / "mxseal.sqlite"; }

private:
    TemporaryFolder folder_;
};

class MemoryWorld {
public:
    std::unique_ptr<Store> open() { return make_memory_store(database); }
    std::shared_ptr<MemoryDatabase> database = std::make_shared<MemoryDatabase>();
};

inline LogEntry entry_of(const std::string& host, const std::string& event) {
    return {0, from_unix_ms(1'795'000'000'000), host, event, Json::object({{"n", 1}}), "it happened"};
}

inline Commit commit_of(const std::string& host, std::int64_t version) {
    Commit commit;
    commit.hosts.push_back({host, Json::object({{"version", version}}).dump(), Json::object({{"state", "steady"}}).dump(), from_unix_ms(1000 + version)});
    commit.log.push_back(entry_of(host, "tlsa.complete"));
    return commit;
}

inline std::int64_t version_of(Store& store, const std::string& host) {
    auto document = store.load_host(host);
    REQUIRE(document);
    return *document ? (**document)["version"].as_integer().value_or(-1) : 0;
}

} // namespace mxseal::agent
