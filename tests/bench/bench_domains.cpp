// Mail domains by the hundred thousand: import, start, a step of one at rest, an hour of looks at all of them, the snapshot. Real store, real
// sealing, both keepers; the world answers at once, so what is measured is the agent alone.
//
// Bounds, ratios within one run: a step of one domain at rest, and an hourly look, cost at 100,000 at most three times what they cost at 1,000. At
// rest the scheduler alone takes less than 0.1 % of one core.
#include "agent/domains/roster.hpp"
#include "agent/domains/mail_domains.hpp"
#include "agent/domains/policy_document.hpp"
#include "agent/domains/site_keys.hpp"
#include "agent/domains/snapshot_job.hpp"
#include "agent/store/sqlite_store.hpp"
#include "rotation/mta_sts/record.hpp"
#include "tests/temporary_folder.hpp"

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <stdexcept>

#include <fmt/format.h>

namespace {

using namespace mxseal;
using namespace mxseal::agent;
using namespace std::chrono_literals;

struct Quiet final : SiteOutside {
    void order(const std::string&, const std::string&) override {}
    void write_snapshot(std::uint64_t generation) override { last = generation; }
    std::uint64_t last = 0;
};

constexpr const char* kRecord = "v=STSv1; id=20261122000000aaaaaaaa;";
const rotation::mta_sts::PolicyBody kBody{rotation::mta_sts::Mode::enforce, std::chrono::seconds(604'800), {"mx1.example.org"}};

rotation::mta_sts::RrsetObservation answer(const std::string& value) {
    rotation::mta_sts::RrsetObservation seen;
    for (const char* address : {"192.0.2.1", "192.0.2.2"}) seen.servers.push_back({"ns.example.net", address, true, {value}, Ttl{3600}, {}});
    seen.primary = rotation::mta_sts::Values{value};
    return seen;
}

// Answers when it is asked to.
struct Steady final : PolicyOutside {
    void observe(const std::string& domain) override { looks.push_back(domain); }
    void fetch(const std::string& domain, bool, const std::vector<std::string>&) override { fetches.push_back(domain); }
    void write(const std::string& domain, dns::Type, const rotation::mta_sts::Values&, const rotation::mta_sts::Values&, Ttl) override { throw std::runtime_error("a domain at rest writes: " + domain); }
    void observe_record(const std::string&) override {}
    void write_record(const std::string& name, const rotation::mta_sts::Values&, const rotation::mta_sts::Values&, Ttl) override { throw std::runtime_error("a record at rest is written: " + name); }
    void look_at_mx_host(const std::string& host) override { hosts.push_back(host); }
    void keep_report_record(const std::string& name, const std::vector<std::string>&) override { reports.push_back(name); }
    void look_at_former(const std::string& domain) override { throw std::runtime_error("nobody left: " + domain); }
    void answer_all(MailDomains& domains, Instant now) {
        for (const auto& domain : std::exchange(looks, {})) domains.arrived(PolicyArrival(DnsLook{domain, {now, now, {}, answer(kRecord), answer("10 mx1.example.org"), std::nullopt}}));
        for (const auto& domain : std::exchange(fetches, {})) domains.arrived(PolicyArrival(EndpointLook{domain, {now, now, {}, {{"198.51.100.1", kBody.text(), 1, {}}}}}));
        for (const auto& name : std::exchange(reports, {})) domains.arrived(PolicyArrival(ReportRecordLook{name, {}, false, {}}));
        for (const auto& host : std::exchange(hosts, {})) domains.arrived(PolicyArrival(MxHostLook{host, {}}));
    }
    std::vector<std::string> looks, fetches, hosts, reports;
};

struct HandClock final : Clock {
    Instant wall() const override { return now; }
    BootTime boot_time() const override { return {std::chrono::duration_cast<Duration>(now.time_since_epoch())}; }
    std::string boot_id() const override { return "boot"; }
    Instant now = from_unix_ms(1'795'000'000'000);
};

struct Row {
    std::size_t domains = 0;
    double import_s = 0, start_s = 0, step_us = 0, idle_us = 0, look_us = 0, snapshot_s = 0;
    double idle_share = 0; // of one core, turns twice a second
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
    auto read = parse_config(fmt::format("state: {}\nendpoint: {{certificate: self-signed}}\nprofiles: {{default: {{mta_sts: {{mode: enforce, at_once: true, max_age: 1w}}, tls_rpt: {{rua: [\"mailto:r@example.org\"]}}}}}}\n", folder.string()), folder / "mxseal.yaml");
    if (auto* mistakes = std::get_if<ConfigMistakes>(&read)) throw std::runtime_error(mistakes->lines.front());
    return std::get<Config>(std::move(read));
}

void settle(MailDomains& domains, const HandClock& clock) {
    for (auto due = domains.next_due(); due && *due <= clock.now; due = domains.next_due()) domains.tick();
}

// As after weeks: announced, complete, nothing held but what stands.
std::string steady_document(Instant now) {
    using namespace rotation::mta_sts;
    DomainState state;
    for (auto [ledger, value] : {std::pair{&state.txt, std::string(kRecord)}, std::pair{&state.mx, std::string("10 mx1.example.org")}}) {
        ledger->versions = {{{value}, now - 1000h, std::nullopt}};
        ledger->ttls = {{Ttl{3600}, now}};
        for (const char* address : {"192.0.2.1", "192.0.2.2"}) ledger->servers.push_back({"ns.example.net", address, Values{value}, std::nullopt, {}});
        ledger->complete = RrsetLedger::Complete{{value}, now - 1000h};
        ledger->last_round = now;
    }
    state.ids = {*id_of(kRecord)};
    state.serving = Serving{kBody, now - 1000h, 1, now - 1000h, *id_of(kRecord), now - 1000h, now - 1000h, false};
    state.clean_since = now - 1000h;
    return to_policy_document(state);
}

// Each domain has an MX host, a key and a certificate, as after its first order.
void give_sites(Store& store, FencingToken token, const SiteKeys& keys, std::size_t domains, Instant now) {
    const auto key = taken(PrivateKey::generate(rotation::Algorithm::ecdsa_p256));
    const std::string document = steady_document(now);
    for (std::size_t from = 0; from < domains; from += 1000) {
        Commit commit;
        for (std::size_t i = from; i < std::min(domains, from + 1000); ++i) {
            const std::string name = name_of(i);
            commit.sites.push_back({name, "self-signed", now, now + 90 * 24h, 0, {}, "", kBody.text()});
            commit.policies.push_back({{name, true, {}, ""}, document});
            commit.pairs.push_back({name, taken(keys.seal(key, name)), Bytes(500, 7), {}});
        }
        must(store.commit(token, commit));
    }
}

Row measure(std::size_t domains) {
    const TemporaryFolder folder;
    HandClock clock;
    const Config config = config_in(folder.path());
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
    Steady steady;
    MailDomains keeper(config, clock, *store, token, quiet, steady, {});
    row.start_s = seconds_of([&] {
        must(keeper.start());
        settle(keeper, clock);
    });
    row.snapshot_s = seconds_of([&] { taken(write_snapshot(*store, keys, clock, folder / "endpoint.snapshot", 1)); });
    constexpr int kSteps = 300;
    keeper.arrived(SiteArrival(SnapshotArrival{quiet.last, domains, {}}));
    settle(keeper, clock);
    const auto step = [&](std::size_t i) {
        const std::string name = name_of(i * 3 % domains);
        keeper.arrived(SiteArrival(OrderArrival{name, "self-signed", IssuedSite{{name, Bytes(120, 1), Bytes(500, 8), {}}, clock.now, clock.now + 90 * 24h}}));
        keeper.tick();
    };
    row.step_us = seconds_of([&] { for (int i = 0; i < kSteps; ++i) step(static_cast<std::size_t>(i)); }) / kSteps * 1e6;
    // Turns between which nothing is due but the list of domains.
    row.idle_us = seconds_of([&] { for (int i = 0; i < kSteps; ++i) { clock.now += 1ms; keeper.tick(); (void)keeper.next_due(); } }) / kSteps * 1e6;
    row.idle_share = row.idle_us * 2 / 1e6;
    // Every domain has its look within the hour.
    std::size_t looked = 0;
    const double hour = seconds_of([&] {
        for (int second = 0; second < 3600; ++second) {
            clock.now += 1s;
            settle(keeper, clock);
            looked += steady.looks.size();
            steady.answer_all(keeper, clock.now);
        }
    });
    row.look_us = looked == 0 ? 0 : hour / static_cast<double>(looked) * 1e6;
    return row;
}

void print(const Row& row) {
    fmt::print("{:>8} | {:>8.2f} | {:>7.2f} | {:>9.0f} | {:>9.1f} | {:>9.4f} | {:>9.0f} | {:>10.2f}\n", row.domains, row.import_s, row.start_s, row.step_us, row.idle_us, row.idle_share * 100, row.look_us,
               row.snapshot_s);
}

} // namespace

// bench_domains [MANY]: 100000 unless told.
int main(int count, char** words) {
    try {
        const std::size_t most = count > 1 ? std::strtoul(words[1], nullptr, 10) : 100'000;
        fmt::print(" domains | import s | start s | a step us |   idle us | idle % CPU |  a look us | snapshot s   (start: every domain looked at, as after a change of its profile; a step: a renewed certificate, stored; idle: a turn in which nothing is due,\n"
                   "          two a second; a look: name servers and endpoint of one domain, once an hour, with everything the agent does about it but the network)\n");
        const Row few = measure(1'000), many = measure(most);
        print(few);
        print(many);
        fmt::print("   ratio | {:>8.1f} | {:>7.1f} | {:>9.2f} | {:>9.2f} | {:>9} | {:>9.2f} | {:>10.1f}\n", many.import_s / few.import_s, many.start_s / few.start_s, many.step_us / few.step_us,
                   many.idle_us / few.idle_us, "", many.look_us / few.look_us, many.snapshot_s / few.snapshot_s);
        const bool kept = many.step_us <= 3 * few.step_us && many.look_us <= 3 * few.look_us && many.idle_share < 0.001;
        fmt::print("{}\n", kept ? "bounds kept" : "BOUND BROKEN: a domain at rest costs more where there are many");
        return kept ? 0 : 1;
    } catch (const std::exception& problem) {
        std::fprintf(stderr, "bench_domains: %s\n", problem.what());
        return 1;
    }
}
