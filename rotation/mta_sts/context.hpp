// Internal to step(): what its parts share. One Context lives for one call.
#pragma once

#include "rotation/mta_sts/cached.hpp"
#include "rotation/mta_sts/step.hpp"

namespace mxseal::rotation::mta_sts {

struct Context {
    DomainState& state;
    const Instant now;
    const Policy& policy;
    const Surroundings& around;
    Decision& out;

    // Not under way, and its back-off is over; otherwise the end of the back-off becomes a wake time.
    bool may_start(Task task);
    void start(Action action);          // marks it under way
    void wake_at(Instant at);           // the earliest of all counts; one that is over does not
    void waits(Reason reason);          // the first one of a decision stays
    void note(std::string event, std::vector<std::pair<std::string, std::string>> fields, std::string sentence);
    // Back-off of a task: doubling from observe_every up to monitor_every, or what the peer asked for.
    void failed(Task task, const Failure& failure);
};

// events.cpp
void apply(Context& context, const Event& event);
// watch.cpp: when to look at the world
void keep_watch(Context& context);
bool found_elsewhere(const DomainState& state); // an id stands there that is not ours, and we serve nothing yet
bool looked_just_now(Context& context); // DNS and every address of the endpoint, after the body was put there; starts what is missing
bool looked_lately(Context& context);   // the same for what is asked of an operator, who is slower than any write: stands while the next look is made
// target.cpp: the body that is wanted now
enum class Want { body, nothing, unknown };
struct Target {
    Want want = Want::unknown;          // unknown: as it is, and the context says why
    PolicyBody body;
};
Target target_of(Context& context);
// serving.cpp: the body, then its id (C-28)
void serve(Context& context, PolicyBody body);
bool keep_announced(Context& context);  // true: every name server answers with the id of the body that every address serves
void withdraw(Context& context);        // C-36, after `mode: none` was announced
// mx_change.cpp: C-30..C-32, C-34
void keep_mx(Context& context);
void page_uncovered(Context& context);

} // namespace mxseal::rotation::mta_sts
