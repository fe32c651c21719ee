#include "simulation/judge.hpp"

#include <utility>

namespace mxseal::simulation {

namespace {

constexpr std::size_t kViolationsMax = 20; // the first ones tell the story
struct Words {
    std::string_view name, sentence;
};
constexpr std::array<Words, kChecks> kWords{{
    {"no_gap", "every key that may be presented matches every version that may be held (INV-1)"},
    {"sender_served", "a sender that follows RFC 7672 finds a match"},
    {"records_served", "nothing is published while the zone is not validly signed (INV-2)"},
    {"one_change", "no record is taken away while a switch is under way (INV-3)"},
    {"one_at_a_time", "no two hosts of a group are in a switch (INV-4)"},
    {"healthy_group", "no planned switch while another host is unhealthy (INV-4)"},
    {"key_kept", "every key that is published or served can be deployed"},
    {"hash_retired", "a retired key never returns (A-33)"},
    {"agreement", "store and world say the same at rest"},
    {"liveness", "once faults stop every host is steady within the bound"},
    {"healing", "what a foreign hand broke is mended within the bound"},
    {"sharpness", "no wait is longer than the formula and the observations"},
    {"single_agent", "a second agent on the same store does nothing"},
    {"starts", "the agent starts again"},
    {"renewed", "a certificate that its CA revokes is replaced within the bound (E-13)"},
}};

} // namespace

std::string_view to_string(Check check) { return kWords[static_cast<std::size_t>(check)].name; }
std::string_view sentence_of(Check check) { return kWords[static_cast<std::size_t>(check)].sentence; }

void Judge::violated(Check check, std::string host, Instant at, std::string text) {
    if (violations_.size() < kViolationsMax) violations_.push_back({check, std::move(host), at, std::move(text)});
}

} // namespace mxseal::simulation
