#include "rotation/mta_sts/forecast.hpp"

#include "rotation/mta_sts/cached.hpp"
#include "rotation/mta_sts/record.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace mxseal::rotation::mta_sts {

namespace {

constexpr Duration kMoment = std::chrono::seconds(1); // what the imagined world takes for anything, at most
constexpr int kTurnsMost = 20'000;
constexpr std::string_view kNewId = "<new id>";

class ObligingWorld {
public:
    ObligingWorld(DomainState state, Instant now, Policy policy, const Surroundings& around)
        : state_(std::move(state)), now_(now), policy_(std::move(policy)), around_(around), txt_(values_of(state_.txt)), mx_(values_of(state_.mx)) {
        // Nothing happens between two steps, so the looks in between need not be imagined.
        alias_ = state_.txt_alias;
        policy_.monitor_every = std::max<Duration>(policy_.monitor_every, std::chrono::hours(24));
    }

    Forecast run(std::size_t most) {
        const Instant end = now_ + kForecastFor;
        known_ids_ = state_.ids;
        if (around_.shared) known_ids_.push_back(*around_.shared);
        take(step(state_, Started{}, now_, policy_, around_));
        for (int turn = 0; turn < kTurnsMost && out_.steps.size() < most; ++turn) {
            if (!actions_.empty()) {
                now_ += moment_;
                take(step(state_, answer(next_action()), now_, policy_, around_));
            } else if (!followed_advice() && !shared_id_came()) {
                if (!last_.wake || *last_.wake > end || at_rest()) break;
                now_ = std::max(now_, *last_.wake);
                take(step(state_, TimeReached{}, now_, policy_, around_));
            }
        }
        if (!last_.reason.empty() && !last_.reason.until) out_.stuck = last_.reason;
        return std::move(out_);
    }

private:
    static Values values_of(const RrsetLedger& ledger) {
        if (ledger.primary) return *ledger.primary;
        if (ledger.complete) return ledger.complete->values;
        for (const RrsetServer& server : ledger.servers)
            if (server.values) return *server.values;
        return {};
    }

    // Only looks are left: nothing is waited for that a date was given for.
    bool at_rest() const { return last_.reason.empty() && state_.past.empty(); }

    Action next_action() {
        Action action = std::move(actions_.front());
        actions_.erase(actions_.begin());
        return action;
    }

    void take(Decision decision) {
        for (const Note& note : decision.notes)
            if (!note.event.starts_with("task.")) add_step(note.event, note.sentence, false);
        actions_.insert(actions_.end(), decision.actions.begin(), decision.actions.end());
        last_ = std::move(decision);
    }

    // An id that is made up here is none that anybody may set: the real one is made in its time.
    void add_step(const std::string& event, std::string sentence, bool by_operator) {
        bool imagined = false;
        std::vector<std::string> ids = state_.ids;
        if (around_.shared && !around_.shared->empty()) ids.push_back(*around_.shared);
        for (const std::string& id : ids) {
            if (std::find(known_ids_.begin(), known_ids_.end(), id) != known_ids_.end()) continue;
            for (auto at = sentence.find(id); at != std::string::npos; at = sentence.find(id)) {
                sentence.replace(at, id.size(), kNewId);
                imagined = true;
            }
        }
        if (imagined && by_operator) sentence += "; `mxseal status` names the id then";
        out_.steps.push_back({now_, event, std::move(sentence), by_operator});
    }

    // Those who share the record are ready as well.
    bool shared_id_came() {
        if (!last_.wants_shared_id) return false;
        around_.shared = new_id(now_, state_.serving->body.text(), state_.ids);
        txt_ = {record_of(*around_.shared)};
        add_step("policy.shared_id", fmt::format("{} gets a new id", policy_.txt_target), false);
        look_again();
        return true;
    }

    void look_again() {
        last_ = {};
        state_.observed_at.reset();
        take(step(state_, TimeReached{}, now_, policy_, around_));
    }

    // The operator does what is asked at once.
    bool followed_advice() {
        const bool delegates = last_.reason.code == "wait.delegation";
        if (!last_.ask && !last_.ask_txt && !delegates) return false;
        if (last_.ask) mx_ = last_.ask->target;
        if (last_.ask_txt) txt_ = last_.ask_txt->target;
        if (delegates) txt_ = around_.shared && !around_.shared->empty() ? Values{record_of(*around_.shared)} : Values{};
        alias_ = delegates ? std::optional(policy_.txt_target) : last_.ask_txt ? std::nullopt : alias_;
        add_step("operator", last_.reason.sentence(), true);
        look_again();
        return true;
    }

    RrsetObservation look(const RrsetLedger& ledger, const Values& values, Ttl ttl) const {
        RrsetObservation seen;
        for (const RrsetServer& server : ledger.servers) seen.servers.push_back({server.server, server.address, true, values, ttl, {}});
        if (seen.servers.empty()) seen.servers.push_back({"its name server", "-", true, values, ttl, {}});
        seen.primary = values;
        return seen;
    }

    Ttl ttl_of(const RrsetLedger& ledger) const { return ledger.ttls.empty() ? policy_.txt_ttl : ledger.ttls.front().ttl; }

    Event answer(const Action& action) {
        if (std::holds_alternative<Observe>(action)) return Observed{{now_ - moment_, now_, {}, look(state_.txt, txt_, policy_.txt_ttl), look(state_.mx, mx_, ttl_of(state_.mx)), alias_}};
        if (std::holds_alternative<Fetch>(action)) {
            FetchRound round{now_ - moment_, now_, {}, {}};
            if (!state_.serving) return Fetched{std::move(round)};
            for (const EndpointAddress& known : state_.addresses) round.fetches.push_back({known.address, state_.serving->body.text(), state_.serving->generation, {}, known.gone_since.has_value()});
            if (round.fetches.empty()) round.fetches.push_back({"-", state_.serving->body.text(), state_.serving->generation, {}});
            return Fetched{std::move(round)};
        }
        if (const auto* serve = std::get_if<Serve>(&action)) return Served{std::nullopt, ++generation_, serve->intent};
        if (const auto* txt = std::get_if<WriteTxt>(&action)) {
            txt_ = txt->target;
            return TxtWritten{};
        }
        mx_ = std::get<WriteMx>(action).target;
        return MxWritten{};
    }

    DomainState state_;
    Instant now_;
    Policy policy_;
    // A look at the name servers is not old yet when the one at the endpoint is made.
    Duration moment_ = std::clamp<Duration>(policy_.observe_every / 4, Duration{1}, kMoment);
    Surroundings around_;
    Values txt_, mx_;
    std::optional<std::string> alias_;
    std::vector<std::string> known_ids_; // that were before
    std::uint64_t generation_ = 1'000'000'000;
    std::vector<Action> actions_;
    Decision last_;
    Forecast out_;
};

} // namespace

Forecast forecast(DomainState state, Instant now, const Policy& policy, const Surroundings& around, std::size_t most) {
    return ObligingWorld(std::move(state), now, policy, around).run(most);
}

} // namespace mxseal::rotation::mta_sts
