// What stands around an AcmeAuthority in tests: a journal that can kill, a publisher, a clock and a sleeper of our own.
#pragma once

#include "agent/acme/authority.hpp"
#include "agent/acme/sleeper.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

namespace mxseal::agent::testing {

// Thrown in place of the death of the process.
struct Killed {};

// Dies right after the n-th write since kill_after(n); what was written stays.
class MemoryJournal final : public Journal {
public:
    void kill_after(int writes) { left_ = writes; }
    void live() { left_.reset(); }

    std::optional<Json> get(std::string_view kind, std::string_view id) override { return find(documents_, kind, id); }
    Status put(std::string_view kind, std::string_view id, const Json& document) override {
        documents_[key(kind, id)] = document;
        return written();
    }
    Status remove(std::string_view kind, std::string_view id) override {
        documents_.erase(key(kind, id));
        return written();
    }
    std::optional<Secret> get_secret(std::string_view kind, std::string_view id) override {
        auto found = secrets_.find(key(kind, id));
        return found == secrets_.end() ? std::nullopt : std::optional(found->second.clone());
    }
    Status put_secret(std::string_view kind, std::string_view id, const Secret& secret) override {
        secrets_[key(kind, id)] = secret.clone();
        return written();
    }
    std::size_t count(std::string_view kind) const {
        return static_cast<std::size_t>(std::count_if(documents_.begin(), documents_.end(), [&](const auto& one) { return one.first.first == kind; }));
    }

private:
    using Key = std::pair<std::string, std::string>;
    static Key key(std::string_view kind, std::string_view id) { return {std::string(kind), std::string(id)}; }
    static std::optional<Json> find(const std::map<Key, Json>& all, std::string_view kind, std::string_view id) {
        auto found = all.find(key(kind, id));
        return found == all.end() ? std::nullopt : std::optional(found->second);
    }
    Status written() {
        if (left_ && --*left_ <= 0) throw Killed{};
        return done();
    }
    std::map<Key, Json> documents_;
    std::map<Key, Secret> secrets_;
    std::optional<int> left_;
};

class FakeClock final : public Clock {
public:
    Instant now = parse_rfc3339("2026-11-22T12:00:00Z").value();
    Duration booted{1000};
    Instant wall() const override { return now; }
    BootTime boot_time() const override { return {booted}; }
    std::string boot_id() const override { return "boot"; }
    void advance(Duration duration) {
        now += duration;
        booted += duration;
    }
};

class FakeSleeper final : public Sleeper {
public:
    explicit FakeSleeper(FakeClock& clock) : clock_(clock) {}
    bool sleep(Duration duration) override {
        slept.push_back(duration);
        clock_.advance(duration);
        return !stopped;
    }
    std::vector<Duration> slept;
    bool stopped = false;

private:
    FakeClock& clock_;
};

class FakePublisher final : public ChallengePublisher {
public:
    Status publish(const dns::Name& name, const std::string& value) override {
        if (fail_publish) return Error(ErrorCode::transient, "no name server answers", Retry::transient());
        values.insert({name.text(), value});
        ++published;
        return done();
    }
    Status remove(const dns::Name& name, const std::string& value) override {
        if (fail_remove) return Error(ErrorCode::transient, "no name server answers", Retry::transient());
        values.erase({name.text(), value});
        return done();
    }
    std::set<std::pair<std::string, std::string>> values;
    int published = 0;
    bool fail_publish = false, fail_remove = false;
};

} // namespace mxseal::agent::testing
