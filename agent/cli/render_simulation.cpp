#include "agent/cli/render.hpp"
#include "base/time.hpp"

#include <fmt/format.h>

namespace mxseal::cli {

namespace {

constexpr std::size_t kWaitsShown = 6;
constexpr std::int64_t kMinute = 60, kHour = 3600;

std::int64_t number(const Json& value) { return value.as_integer().value_or(0); }

// To the minute from an hour on: seconds do not matter in a wait of days.
std::string rough(std::int64_t seconds) {
    if (seconds >= kHour) seconds = (seconds + kMinute / 2) / kMinute * kMinute;
    return to_string(Duration{std::chrono::seconds(seconds)});
}

std::string hosts_of(const Json& forecast, const Style& style) {
    std::vector<std::vector<Cell>> rows{{{"HOST", Colour::dim}, {"ROTATE EVERY", Colour::dim}, {"ROLLS", Colour::dim}, {"EMERGENCY", Colour::dim}, {"AT THE END", Colour::dim}}};
    for (const Json& host : forecast["hosts"].items())
        rows.push_back({{text_of(host["host"], "?")}, {rough(number(host["rotate_every_s"]))}, {std::to_string(number(host["rolls"]))}, {std::to_string(number(host["emergency_rolls"]))}, {text_of(host["state"], "-")}});
    return table(rows, "", style);
}

std::string waits_of(const Json& forecast, const Style& style) {
    std::string out = "\nLongest waits\n";
    std::size_t shown = 0;
    for (const Json& wait : forecast["waits"].items()) {
        if (++shown > kWaitsShown) break;
        out += wrapped(fmt::format("  {:<12}", rough(number(wait["length_s"]))), fmt::format("{} ({}): {}", text_of(wait["host"], "?"), plural(static_cast<std::size_t>(number(wait["times"])), "time"), text_of(wait["sentence"])),
                       style.width);
    }
    return shown == 0 ? out + "  none\n" : out;
}

std::string strikes_of(const Json& forecast, const Style& style) {
    std::string strikes;
    for (const auto& [name, count] : forecast["strikes"].members()) strikes += fmt::format("{}{} {}", strikes.empty() ? "" : ", ", number(count), printable(name));
    return strikes.empty() ? "" : wrapped("Faults in this time: ", strikes, style.width);
}

// What an operator would tell of it.
std::string effect_of(const Json& fault) {
    std::vector<std::string> parts;
    if (const auto later = fault["roll_later_s"].as_integer(); later && std::abs(*later) >= kMinute)
        parts.push_back(fmt::format("the roll ends {} {}", rough(std::abs(*later)), *later > 0 ? "later" : "sooner"));
    if (fault["roll_later_s"].is_null()) parts.push_back(fault["went_back"].as_bool() == true ? "the host goes back to its old key" : "the request is forgotten: the host rolls when its key is due, or is asked again");
    if (const auto halted = number(fault["halted_s"]); halted > 0) parts.push_back(fmt::format("halted for {}, {}", rough(halted), fault["resumed"].as_bool() == true ? "until an operator resumes it" : "goes on by itself"));
    if (const auto broken = number(fault["broken_s"]); broken > 0) parts.push_back(fmt::format("a pair that does not match, by a foreign hand, for {}", rough(broken)));
    if (const auto deferred = number(fault["deferred"]); deferred > 0) parts.push_back(fmt::format("{} deferred by a foreign hand", plural(static_cast<std::size_t>(deferred), "delivery")));
    if (fault["healed"].as_bool() != true) parts.push_back("still in trouble at the end");
    if (const auto healed = number(fault["healed_after_s"]); healed > 0) parts.push_back(fmt::format("all well {} after it struck", rough(healed)));
    std::string out;
    for (const auto& part : parts) out += (out.empty() ? "" : "; ") + part;
    return out;
}

std::string violations_of(const Json& violations, const Style& style) {
    std::string out;
    for (const Json& each : violations.items()) out += coloured(wrapped("  PROMISE BROKEN: ", text_of(each), style.width), Colour::bad, style);
    return out;
}

std::string faults_of(const Json& forecast, const Style& style) {
    std::string seen, unseen, never;
    const auto join = [](std::string& list, const std::string& name) { list += (list.empty() ? "" : ", ") + name; };
    for (const Json& fault : forecast["faults"].items()) {
        const auto name = text_of(fault["fault"], "?");
        const auto effect = effect_of(fault);
        const auto sentence = text_of(fault["sentence"]);
        if (fault["struck_at"].is_null()) {
            join(never, name);
        } else if (effect.empty() && sentence.empty() && fault["violations"].items().empty()) {
            join(unseen, name);
        } else {
            seen += fmt::format("\n  {}: {}\n", coloured(name, Colour::bold, style), text_of(fault["what"]));
            seen += wrapped("    ", effect.empty() ? "the roll goes on as in peace" : effect, style.width);
            if (!sentence.empty()) seen += wrapped("    ", fmt::format("{} says: {}", text_of(fault["host"], "mxseal"), sentence), style.width);
            seen += violations_of(fault["violations"], style);
        }
    }
    if (seen.empty() && unseen.empty() && never.empty()) return {};
    const Json& roll = forecast["roll"];
    std::string out = fmt::format("\nWhat one strike of each fault does to a roll of {}\n", text_of(forecast["host"], "?"));
    const auto switched = number(roll["switched_after_s"]);
    out += wrapped("  ", fmt::format("In peace the switch begins {} the roll was asked for, and the old record is gone {} later. A fault strikes once, right before the request or at its first occasion after it; an operator resumes what has been halted for 8h.",
                                     switched == 0 ? "as soon as" : rough(switched) + " after", rough(number(roll["finished_after_s"]))), style.width);
    out += seen;
    if (!unseen.empty()) out += "\n" + wrapped("  Nothing to be seen of: ", unseen, style.width);
    if (!never.empty()) out += "\n" + wrapped("  No occasion in a roll: ", never, style.width);
    return out;
}

} // namespace

std::string render_simulation(const Json& forecast, const Style& style) {
    const Json& deliveries = forecast["deliveries"];
    auto out = fmt::format("Simulated: {}, seed {}\n", rough(number(forecast["length_s"])), number(forecast["seed"]));
    for (const Json& each : forecast["assumptions"].items()) out += wrapped("  supposed: ", text_of(each), style.width);
    out += "\n" + hosts_of(forecast, style) + "\n";
    out += fmt::format("Deliveries: {} made, {} failed, {} deferred by a foreign hand\n", number(deliveries["made"]), number(deliveries["failed"]), number(deliveries["deferred"]));
    out += strikes_of(forecast, style);
    out += violations_of(forecast["violations"], style);
    out += waits_of(forecast, style);
    return out + faults_of(forecast, style);
}

} // namespace mxseal::cli
