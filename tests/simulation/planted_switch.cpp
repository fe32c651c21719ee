// The switch of the planted mistakes: one at a time, in this thread.
#include "tests/simulation/planted_switch.hpp"

namespace mxseal::rotation {

namespace {
thread_local std::optional<Mistake> planted_now;
}

void plant(std::optional<Mistake> mistake) { planted_now = mistake; }

bool planted(Mistake mistake) { return planted_now == mistake; }

} // namespace mxseal::rotation
