#include "tests/simulation/enumeration.hpp"

#include <unordered_map>

#include <fmt/format.h>

namespace mxseal::small {

namespace {

constexpr std::size_t kCourseMax = 1000; // far beyond what four rolls take

struct Hash {
    std::size_t operator()(const std::array<std::uint64_t, 2>& print) const { return print[0]; }
};

class Search {
public:
    explicit Search(const Bounds& bounds) : bounds_(bounds) {}

    Enumerated run() {
        std::vector<SmallWorld> course{SmallWorld()};
        while (!course.back().over() && course.size() < kCourseMax) {
            const auto move = course.back().usual();
            if (!move) break;
            SmallWorld next = course.back();
            if (!make(next, *move)) return std::move(result_);
            course.push_back(std::move(next));
        }
        result_.course = course.size() - 1;
        for (std::size_t at = 0; at < course.size() && !result_.broken; at += bounds_.every) {
            result_.begun_at = at;
            every_order(course[at], bounds_.depth);
            if (!result_.broken) departures(course[at], bounds_.departures, bounds_.tail);
        }
        result_.states = seen_.size();
        return std::move(result_);
    }

private:
    // False: something broke.
    bool make(SmallWorld& world, const Move& move) {
        ++result_.transitions;
        if (!result_.broken) story_.push_back(to_string(move));
        auto broken = world.make(move);
        if (broken) {
            result_.broken = std::move(broken);
            result_.story = story_;
        }
        if (!result_.broken) story_.pop_back();
        return !result_.broken;
    }

    struct Visits {
        std::size_t orders = 0;                        // depth that was left
        std::array<std::size_t, 4> tails{};            // by departures left: tail that was left, plus one
    };

    void every_order(const SmallWorld& world, std::size_t depth) {
        if (depth == 0) return; // checked when it was reached; not followed, so not counted as a state
        std::size_t& done = seen_[world.fingerprint()].orders;
        if (done >= depth || result_.broken) return;
        done = depth;
        for (const Move& move : world.moves()) {
            SmallWorld next = world;
            if (!make(next, move)) return;
            descend(move, [&] { every_order(next, depth - 1); });
            if (result_.broken) return;
        }
    }

    void departures(const SmallWorld& world, std::size_t left, std::size_t tail) {
        Visits& visits = seen_[world.fingerprint()];
        for (std::size_t more = left; more < visits.tails.size(); ++more)
            if (visits.tails[more] > tail) return;
        visits.tails[left] = tail + 1;
        if (result_.broken) return;
        const auto usual = world.usual();
        if (left > 0)
            for (const Move& move : world.moves()) {
                if (usual && move == *usual) continue;
                SmallWorld next = world;
                if (!make(next, move)) return;
                descend(move, [&] { departures(next, left - 1, bounds_.tail); });
                if (result_.broken) return;
            }
        if (tail == 0 || !usual || left == bounds_.departures) return; // the usual course itself is begun with everywhere
        SmallWorld next = world;
        if (!make(next, *usual)) return;
        descend(*usual, [&] { departures(next, left, tail - 1); });
    }

    template <class F>
    void descend(const Move& move, F&& f) {
        story_.push_back(to_string(move));
        f();
        story_.pop_back();
    }

    const Bounds bounds_;
    Enumerated result_;
    std::vector<std::string> story_;
    std::unordered_map<std::array<std::uint64_t, 2>, Visits, Hash> seen_;
};

} // namespace

Enumerated enumerate(const Bounds& bounds) { return Search(bounds).run(); }

std::string in_words(const Enumerated& result, const Bounds& bounds) {
    std::string text = fmt::format("states {}, transitions {}: every order of {} moves from {} worlds of the usual course ({} moves long), and every course with {} unusual move and {} after it\n", result.states,
                                   result.transitions, bounds.depth, result.course / bounds.every + 1, result.course, bounds.departures, bounds.tail);
    if (!result.broken) return text;
    text += fmt::format("BROKEN {}: {}\n  after {} usual moves:\n", to_string(result.broken->rule), result.broken->text, result.begun_at);
    for (const std::string& move : result.story) text += "    " + move + "\n";
    return text;
}

} // namespace mxseal::small
