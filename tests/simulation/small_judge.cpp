// What is checked after every act of a SmallWorld, and when two of them are the same.
#include "rotation/tlsa/view.hpp"
#include "tests/simulation/small_world.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace mxseal::small {

using namespace rotation;
using namespace rotation::tlsa;
using namespace std::chrono_literals;

namespace {

// W1 with the numbers of the small world: resolver_min_ttl (above the TTL) and safety_margin, in which a sender looks up and shakes hands.
constexpr Duration kHeldFor = 6min + 1min;
// A version that stood so long would have been seen by one look right before any act.
constexpr Duration kSeenByAnyLook = 1min + 2s;

std::uint64_t mix(std::uint64_t value) {
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ULL;
    value = (value ^ (value >> 27)) * 0x94d049bb133111ebULL;
    return value ^ (value >> 31);
}

// Two independent sums: at a million worlds a collision is out of reach.
class Print {
public:
    explicit Print(Instant now) : now_(now) {}
    void add(std::uint64_t value) {
        sums_[0] = mix(sums_[0] + value + 0x9e3779b97f4a7c15ULL);
        sums_[1] = mix((sums_[1] ^ value) * 0xff51afd7ed558ccdULL + 0x2545f4914f6cdd1dULL);
    }
    void add(std::string_view text) {
        add(static_cast<std::uint64_t>(text.size()));
        for (; text.size() >= 8; text.remove_prefix(8)) {
            std::uint64_t chunk = 0;
            text.copy(reinterpret_cast<char*>(&chunk), 8);
            add(chunk);
        }
        std::uint64_t rest = 0;
        text.copy(reinterpret_cast<char*>(&rest), text.size());
        add(rest);
    }
    // Counted from now, in seconds: looks take milliseconds, and every wait is of whole seconds.
    void add(Instant at) { add(static_cast<std::uint64_t>(at == kStill ? INT64_MAX : std::chrono::round<std::chrono::seconds>(at - now_).count())); }
    template <class T>
    void add(const std::optional<T>& value) {
        add(std::uint64_t{value.has_value()});
        if (value) add(*value);
    }
    void add(const SpkiHash& key) { add(std::string_view(reinterpret_cast<const char*>(key.digest.data()), 3)); }
    void add(const dns::TlsaSet& records) {
        add(static_cast<std::uint64_t>(records.size()));
        for (const dns::TlsaRecord& record : records.records()) add(std::string_view(reinterpret_cast<const char*>(record.data.data()), std::min<std::size_t>(record.data.size(), 3)));
    }
    void add(bool flag) { add(std::uint64_t{flag}); }
    // A stored document: its instants are the integers of thirteen digits outside of strings.
    void add_document(std::string_view text) {
        bool quoted = false;
        std::size_t from = 0;
        for (std::size_t at = 0; at < text.size(); ++at) {
            if (text[at] == '"') quoted = !quoted;
            if (quoted || text[at] < '0' || text[at] > '9') continue;
            std::size_t end = at;
            std::int64_t number = 0;
            while (end < text.size() && text[end] >= '0' && text[end] <= '9') number = number * 10 + (text[end++] - '0');
            if (end - at == 13) {
                add(text.substr(from, at - from));
                add(from_unix_ms(number));
                from = end;
            }
            at = end - 1;
        }
        add(text.substr(from));
    }
    std::array<std::uint64_t, 2> sums() const { return sums_; }

private:
    const Instant now_;
    std::array<std::uint64_t, 2> sums_{1, 2};
};

void add_unstored(Print& print, const HostState& state) {
    for (Task task : state.under_way) print.add(static_cast<std::uint64_t>(task));
    print.add(state.wire.at);
    for (const Chain& chain : state.wire.chains) print.add(chain.key);
    print.add(state.wire.trouble);
    print.add(state.wire.reachable);
    print.add(state.wire.sound);
    print.add(state.started_at);
    print.add(state.observed_at);
    print.add(state.observe_trouble);
    print.add(static_cast<std::uint64_t>(state.address_security));
    print.add(state.time_validated);
    print.add(state.time_trouble);
    print.add(state.file_read);
    for (const auto& [key, unused] : state.file_keys) print.add(key);
    // Orders within a second that decisions depend on.
    if (state.deployment && state.deployment->written && state.wire.at) print.add(*state.wire.at > *state.deployment->written);
    if (state.write && state.write->answered && state.observed_at) print.add(*state.observed_at >= *state.write->answered);
}

} // namespace

std::array<std::uint64_t, 2> SmallWorld::fingerprint() const {
    Print print(now_);
    print.add(static_cast<std::uint64_t>(asked_));
    for (std::size_t number = 0; number < kHosts; ++number) {
        const SmallHost& host = hosts_[number];
        print.add_document(document_of(host.state, number));
        add_unstored(print, host.state);
        print.add(host.wake);
        print.add(host.last_switch);
        print.add(host.primary);
        print.add(host.secondary);
        print.add(host.before);
        print.add(host.lags);
        for (const HandedOut& each : host.handed_out) {
            print.add(each.records);
            print.add(each.last);
            print.add(each.foreign);
            print.add(each.shown);
            if (each.foreign && !each.shown) print.add(each.since);
            print.add(host.deploy && each.order > host.deploy_order);
        }
        print.add(host.file);
        for (const SpkiHash& key : host.serving) print.add(key);
        print.add(host.gone);
        print.add(host.gone_shown);
        for (const auto& write : {host.write, host.late_write}) {
            print.add(write.has_value());
            if (!write) continue;
            print.add(write->base);
            print.add(write->target);
        }
        print.add(host.deploy.has_value());
        if (host.deploy) print.add(host.deploy->keys.front());
        print.add(host.held_back);
        print.add(host.answers.dns.has_value());
        if (host.answers.dns) {
            print.add(host.answers.dns->finished);
            for (const ServerAnswer& answer : host.answers.dns->owners.front().servers) print.add(answer.records);
        }
        print.add(host.answers.wire.has_value());
        if (host.answers.wire) {
            print.add(host.answers.wire->finished);
            for (const EndpointProbe& each : host.answers.wire->endpoints) print.add(each.chain ? std::optional(each.chain->key) : std::nullopt);
        }
        for (const SpkiHash& key : host.retired) print.add(key);
        print.add(static_cast<std::uint64_t>(host.keys_made));
    }
    return print.sums();
}

bool SmallWorld::may_be_held(const HandedOut& version) const { return version.last == kStill || now_ < version.last + kHeldFor; }

// What a foreign hand did counts once mxseal was shown it, or could have been by one look right before the act.
bool SmallWorld::counts(const HandedOut& version) const {
    if (!may_be_held(version) || version.records.empty()) return false;
    return !version.foreign || version.shown || (version.last == kStill && now_ - version.since > kSeenByAnyLook);
}

void SmallWorld::broken(Rule rule, std::string text) {
    if (!broken_) broken_ = Broken{rule, std::move(text)};
}

// INV-1: a key begins to be presented. No match that was true may become false; what fell back after the act was decided does not count.
void SmallWorld::judge_keys(std::size_t number, const SpkiHash& new_key, std::uint64_t order, const char* act) {
    const SmallHost& host = hosts_[number];
    ++checks()[static_cast<std::size_t>(Rule::no_gap)];
    for (const HandedOut& version : host.handed_out) {
        if (!counts(version) || version.records.contains(record_of(new_key)) || (version.foreign && version.order > order)) continue;
        const bool matched = version.records.contains(record_of(host.file)) && std::all_of(host.serving.begin(), host.serving.end(), [&](const SpkiHash& key) { return version.records.contains(record_of(key)); });
        if (matched) broken(Rule::no_gap, fmt::format("{} of {} lets key {} meet {}, which a cache may hold", act, host.state.lines.empty() ? "?" : policy_name(number), new_key.short_hex(), version.records.to_string()));
    }
    ++checks()[static_cast<std::size_t>(Rule::hash_retired)];
    if (host.retired.contains(new_key)) broken(Rule::hash_retired, fmt::format("the retired key {} of {} is deployed", new_key.short_hex(), policy_name(number)));
}

// INV-1: a version begins to be answered.
void SmallWorld::judge_version(std::size_t number, const dns::TlsaSet& base, const dns::TlsaSet& target, const char* act) {
    const SmallHost& host = hosts_[number];
    ++checks()[static_cast<std::size_t>(Rule::no_gap)];
    for (const SpkiHash& key : {host.file, host.serving[0], host.serving[1]}) {
        const bool matched = base.empty() || base.contains(record_of(key));
        if (matched && !target.empty() && !target.contains(record_of(key)))
            broken(Rule::no_gap, fmt::format("{} of {} makes {} out of {} while key {} is presented", act, policy_name(number), target.to_string(), base.to_string(), key.short_hex()));
    }
    ++checks()[static_cast<std::size_t>(Rule::hash_retired)];
    for (const SpkiHash& key : host.retired)
        if (target.contains(record_of(key)) && !base.contains(record_of(key))) broken(Rule::hash_retired, fmt::format("the record of the retired key {} of {} is added", key.short_hex(), policy_name(number)));
}

void SmallWorld::begin_write(std::size_t number, const WriteTlsa& write) {
    SmallHost& host = hosts_[number];
    host.write = write;
    judge_version(number, write.base, write.target, "a change that is asked for");
    // INV-3: nothing is taken away while a switch is under way.
    ++checks()[static_cast<std::size_t>(Rule::one_change)];
    const auto& roll = host.state.roll;
    if (roll && roll->intent && (!roll->verified || roll->back) && !write.target.includes(write.base))
        broken(Rule::one_change, fmt::format("{} becomes {} while {} is in a switch", write.base.to_string(), write.target.to_string(), policy_name(number)));
}

void SmallWorld::begin_deploy(std::size_t number, const Deploy& deploy) {
    SmallHost& host = hosts_[number];
    host.deploy = deploy;
    host.deploy_order = order_;
    if (deploy.keys.front() != host.file) judge_keys(number, deploy.keys.front(), order_, "a deployment that is asked for");
}

// Never early: no cache may hold a version without the key.
void SmallWorld::judge_early(std::size_t number, const SpkiHash& key, const char* what) {
    ++checks()[static_cast<std::size_t>(Rule::never_early)];
    for (const HandedOut& version : hosts_[number].handed_out)
        if (counts(version) && (!version.foreign || version.shown) && !version.records.contains(record_of(key)))
            broken(Rule::never_early, fmt::format("key {} of {} {}, and a cache may hold {}", key.short_hex(), policy_name(number), what, version.records.to_string()));
}

void SmallWorld::tell(const Note& note, std::size_t number) {
    const auto field = [&](std::string_view name) {
        for (const auto& [each, value] : note.fields)
            if (each == name) return value;
        return std::string();
    };
    SmallHost& host = hosts_[number];
    if (note.event == "standby.ready")
        if (auto key = SpkiHash::from_hex(field("key"))) judge_early(number, *key, "is called ready");
    if (note.event == "roll.finished")
        if (auto key = SpkiHash::from_hex(field("from"))) host.retired.insert(*key);
    if (note.event != "switch.started") return;
    if (auto key = SpkiHash::from_hex(field("to"))) judge_early(number, *key, "is switched to");
    // INV-4.
    ++checks()[static_cast<std::size_t>(Rule::one_at_a_time)];
    const SmallHost& other = hosts_[1 - number];
    if (is_switching(other.state)) broken(Rule::one_at_a_time, fmt::format("{} begins its switch while {} is in one", policy_name(number), policy_name(1 - number)));
    ++checks()[static_cast<std::size_t>(Rule::healthy_group)];
    if (field("kind") == "planned" && other.gone && other.gone_shown) broken(Rule::healthy_group, fmt::format("{} begins a planned switch while {} is unhealthy", policy_name(number), policy_name(1 - number)));
}

} // namespace mxseal::small
