// Mail domains by the hundred thousand: import, start, a step of one at rest, the snapshot. Real store, real sealing; the world is quiet.
//
// Bounds, all of them ratios within one run: a step of one domain at rest costs at 100,000 at most three times what it costs at 1,000, and an idle
// turn at most five times.
#include "agent/domains/roster.hpp"
#include "agent/domains/site_keeper.hpp"
#include "agent/domains/site_keys.hpp"
#include "agent/domains/snapshot_job.hpp"
#include "agent/store/sqlite_store.hpp"

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <stdexcept>

#include <fmt/format.h>
#include <stdlib.h>

namespace {

using namespace mxseal;
using namespace mxseal::agent;
using namespace std::chrono_literals;

struct Quiet final : SiteOutside {
    void order(const std::string&, const std::string&) override {}
    void fetch(const std::string&, const std::string&) override {}
    void observe_mx(const dns::Name&) override {}
    void write_snapshot(std::uint64_t generation) override { last = generation; }
    std::uint64_t last = 0;
};

struct HandClock final : Clock {
    Instant wall() const override { return now; }
    BootTime boot_time() const override { return {}; }
    std::string boot_id() const override { return "boot"; }
    Instant now = from_unix_ms(1'795'000'000'000);
};

struct Folder {
    Folder() {
        std::string name = (std::filesystem::temp_directory_path() / "mxseal-bench-XXXXXX").string();
        if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
        path = name;
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    ~Folder() { std::filesystem::remove_all(path); }
    std::filesystem::path path;
};

struct Row {
    std::size_t domains = 0;
    double import_s = 0, start_s = 0, step_us = 0, idle_us = 0, snapshot_s = 0;
};

void must(const Status& status) {
    if (!status.ok()) throw std::runtime_error(status.error().to_string());
}

template <class T>
T taken(Result<T> result) {
    if (!result.ok()) throw std::runtime_error(result.error().to_string());
    return std::move(*result);
}

template <class Work>
double seconds_of(Work&& work) {
    const auto begin = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

std::string name_of(std::size_t i) { return fmt::format("customer{}.example", i); }

Config config_in(const std::filesystem::path& folder) {
    auto read = parse_config(fmt::format("state: {}\nendpoint: {{certificate: self-signed}}\nprofiles: {{default: {{mta_sts: {{mode: enforce, mx: [mx1.example.org]}}}}}}\n", folder.string()), folder / "mxseal.yaml");
    if (auto* mistakes = std::get_if<ConfigMistakes>(&read)) throw std::runtime_error(mistakes->lines.front());
    return std::get<Config>(std::move(read));
}

void settle(SiteKeeper& keeper, const HandClock& clock) {
    for (auto due = keeper.next_due(); due && *due <= clock.now; due = keeper.next_due()) keeper.tick();
}

// Each domain has an MX host, a key and a certificate, as after its first order.
void give_sites(Store& store, FencingToken token, const SiteKeys& keys, std::size_t domains, Instant now) {
    const auto key = taken(PrivateKey::generate(rotation::Algorithm::ecdsa_p256));
    for (std::size_t from = 0; from < domains; from += 1000) {
        Commit commit;
        for (std::size_t i = from; i < std::min(domains, from + 1000); ++i) {
            const std::string name = name_of(i);
            commit.sites.push_back({name, "self-signed", now, now + 90 * 24h, 0, {}, "", "mx1.example.org", "version: STSv1\r\nmode: enforce\r\nmx: mx1.example.org\r\nmax_age: 604800\r\n"});
            commit.pairs.push_back({name, taken(keys.seal(key, name)), Bytes(500, 7), {}});
        }
        must(store.commit(token, commit));
    }
}

Row measure(std::size_t domains) {
    Folder folder;
    HandClock clock;
    const Config config = config_in(folder.path);
    Row row{domains};
    {
        std::vector<DomainOrder> orders;
        for (std::size_t i = 0; i < domains; ++i) orders.push_back({*dns::Name::parse(name_of(i)), {}});
        auto roster = taken(open_roster(config, clock));
        row.import_s = seconds_of([&] { taken(roster->add(orders, "bench")); });
    }
    auto store = taken(make_sqlite_store(config.state));
    const auto token = taken(store->acquire_lease("bench"));
    const Sealer sealer = taken(Sealer::load_or_create(config.state / "endpoint-sealing.key"));
    const SiteKeys keys(sealer);
    give_sites(*store, token, keys, domains, clock.now);
    Quiet quiet;
    SiteKeeper keeper(config, clock, *store, token, quiet);
    row.start_s = seconds_of([&] {
        must(keeper.start());
        settle(keeper, clock);
    });
    row.snapshot_s = seconds_of([&] { taken(write_snapshot(*store, keys, clock, folder.path / "endpoint.snapshot", 1)); });
    constexpr int kSteps = 300;
    keeper.arrived(SnapshotArrival{quiet.last, domains, {}});
    settle(keeper, clock);
    const auto step = [&](std::size_t i) {
        const std::string name = name_of(i * 3 % domains);
        keeper.arrived(OrderArrival{name, "self-signed", IssuedSite{{name, Bytes(120, 1), Bytes(500, 8), {}}, clock.now, clock.now + 90 * 24h}});
        keeper.tick();
    };
    row.step_us = seconds_of([&] { for (int i = 0; i < kSteps; ++i) step(static_cast<std::size_t>(i)); }) / kSteps * 1e6;
    row.idle_us = seconds_of([&] { for (int i = 0; i < kSteps; ++i) { clock.now += 2s; keeper.tick(); } }) / kSteps * 1e6;
    return row;
}

void print(const Row& row) { fmt::print("{:>8} | {:>8.2f} | {:>7.2f} | {:>9.0f} | {:>9.1f} | {:>10.2f}\n", row.domains, row.import_s, row.start_s, row.step_us, row.idle_us, row.snapshot_s); }

} // namespace

int main() {
    try {
        fmt::print(" domains | import s | start s | a step us | idle us | snapshot s   (a step: a renewed certificate, stored; idle: a turn in which nothing is due)\n");
        const Row few = measure(1'000), many = measure(100'000);
        print(few);
        print(many);
        fmt::print("   ratio | {:>8.1f} | {:>7.1f} | {:>9.2f} | {:>9.2f} | {:>10.1f}\n", many.import_s / few.import_s, many.start_s / few.start_s, many.step_us / few.step_us, many.idle_us / few.idle_us,
                   many.snapshot_s / few.snapshot_s);
        const bool kept = many.step_us <= 3 * few.step_us && many.idle_us <= 5 * few.idle_us;
        fmt::print("{}\n", kept ? "bounds kept" : "BOUND BROKEN: a domain at rest costs more where there are many");
        return kept ? 0 : 1;
    } catch (const std::exception& problem) {
        std::fprintf(stderr, "bench_domains: %s\n", problem.what());
        return 1;
    }
}
