#include "simulation/setting.hpp"

#include <random>

#include <fmt/format.h>

namespace mxseal::simulation {

namespace {

using namespace std::chrono_literals;

constexpr const char* kAuthority = "simulated";

dns::Name name(const std::string& text) { return *dns::Name::parse(text); }

agent::Config config_of(unsigned hosts, std::vector<rotation::Algorithm> keys) {
    agent::Config config;
    agent::ZoneConfig zone;
    zone.name = name("example.org");
    zone.providers = {"simulated"};
    config.zones.emplace(zone.name, zone);
    for (unsigned number = 1; number <= hosts; ++number) {
        agent::HostConfig host;
        host.name = name(fmt::format("mx{}.example.org", number));
        host.zone = zone.name;
        host.certificate = kAuthority;
        host.rotate_every = 48h;
        host.keys = keys;
        config.hosts.emplace(host.name, host);
    }
    config.domains.emplace(zone.name, agent::DomainConfig{zone.name});
    return config;
}

// The MX hosts of one domain as several owners have them: their zones are served, signed and written apart.
void give_each_host_a_zone(agent::Config& config) {
    std::map<dns::Name, agent::HostConfig> hosts;
    unsigned number = 0;
    for (auto& [unused, host] : config.hosts) {
        agent::ZoneConfig zone;
        zone.name = name(fmt::format("{}.example", static_cast<char>('a' + number)));
        zone.providers = {"simulated"};
        config.zones.emplace(zone.name, zone);
        host.name = name(fmt::format("mx{}.{}", ++number, zone.name.text()));
        host.zone = zone.name;
        hosts.emplace(host.name, host);
    }
    config.hosts = std::move(hosts);
}

} // namespace

std::vector<CacheHabits> usual_caches(const agent::Timing& timing) {
    return {{"plain", 0s, 0s, 0s, 0s, -1},
            {"floor", timing.resolver_min_ttl, 0s, 0s, 0s, -1},
            {"stale", 0s, 0s, timing.stale_margin, 0s, -1},
            {"floor and stale", timing.resolver_min_ttl, 0s, timing.stale_margin, 0s, -1},
            {"cap and prefetch", 0s, 10min, 0s, 1min, -1},
            {"forwarder", 0s, 0s, timing.stale_margin, 0s, 1}};
}

Setting stated_setting() {
    Setting setting;
    setting.config = config_of(2, {rotation::Algorithm::ecdsa_p256});
    agent::Timing& timing = setting.config.timing;
    timing.stale_margin = timing.stagger = timing.rollback_hold = timing.unseen_ttl = 1h;
    timing.monitor_every = 12h;
    setting.caches = usual_caches(timing);
    return setting;
}

Setting random_setting(std::uint64_t seed) {
    std::mt19937_64 random(seed);
    const auto one_of = [&random](auto... values) {
        const std::array choices{values...};
        return choices[random() % choices.size()];
    };
    using rotation::Algorithm;
    std::vector<Algorithm> keys{Algorithm::ecdsa_p256};
    if (random() % 4 == 0) keys.push_back(Algorithm::rsa_2048);
    Setting setting;
    setting.config = config_of(one_of(1u, 2u, 2u, 3u), keys);
    agent::Timing& timing = setting.config.timing;
    timing.safety_margin = one_of(4min, 16min);
    timing.resolver_min_ttl = one_of(Duration{10min}, Duration{1h});
    timing.stale_margin = one_of(Duration{0}, Duration{1h}, Duration{8h});
    timing.emergency_stale_margin = std::min(one_of(Duration{0}, Duration{1h}), timing.stale_margin);
    timing.anycast_margin = one_of(0min, 5min);
    timing.unseen_ttl = one_of(1h, 24h);
    timing.stagger = one_of(1h, 6h);
    timing.rollback_hold = one_of(1h, 6h);
    timing.unreachable_grace = one_of(10min, 60min);
    timing.monitor_every = one_of(1h, 12h);
    for (auto& [unused, host] : setting.config.hosts) {
        host.rotate_every = one_of(24h, 48h, 96h);
        host.tlsa_ttl = one_of(Ttl{300}, Ttl{3600}, Ttl{7200});
    }
    setting.servers = one_of(1u, 2u, 2u, 3u);
    setting.addresses = one_of(1u, 2u, 2u);
    setting.transfer_lag = one_of(1s, 30s, 300s);
    setting.soa_expire = one_of(Ttl{7200}, Ttl{86'400});
    setting.published_before = random() % 4 == 0;
    setting.recently_published = random() % 4 == 0;
    setting.caches = usual_caches(timing);
    // Three of four CAs say when they want certificates renewed (RFC 9773), with the lifetimes of Let's Encrypt's profiles (E-15, E-16).
    if (one_of(true, true, true, false)) {
        setting.config.acme[kAuthority].name = kAuthority;
        setting.certificate_lifetime = one_of(Duration{90 * 24h}, Duration{45 * 24h}, Duration{160h});
    }
    // In one world of eight the last host keeps its ACME client, which makes the keys.
    if (seed % 8 == 5) setting.config.hosts.rbegin()->second.certificate = "external";
    if (seed % 16 == 7 || seed % 16 == 13) give_each_host_a_zone(setting.config);
    return setting;
}

Setting without_renewal_info(Setting setting) {
    setting.config.acme.clear();
    for (auto& [unused, host] : setting.config.hosts) host.certificate = kAuthority;
    setting.certificate_lifetime = Setting{}.certificate_lifetime;
    return setting;
}

Setting setting_of(agent::Config config) {
    Setting setting;
    setting.config = std::move(config);
    setting.soa_expire = Ttl{604'800};
    setting.caches = usual_caches(setting.config.timing);
    setting.mail_every = std::chrono::hours(1);
    setting.operator_answers = false;
    return setting;
}

} // namespace mxseal::simulation
