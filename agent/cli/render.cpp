#include "agent/cli/render.hpp"

#include <fmt/format.h>

namespace mxseal::cli {

namespace {

constexpr std::string_view kNoDate = "no date yet";

std::string step_block(const Json& step, const Style& style) {
    const auto when = fmt::format("  {:<20}  ", text_of(step["earliest"], kNoDate));
    auto out = wrapped(when, text_of(step["what"], "?"), style.width);
    if (const auto reason = text_of(step["reason"]); !reason.empty()) out += wrapped(std::string(when.size(), ' '), reason, style.width);
    return out;
}

} // namespace

std::string render_plan(const Json& plan, const Style& style) {
    std::string out;
    const auto add = [&](const Json& one, const std::string& name) {
        if (!out.empty()) out += "\n";
        out += fmt::format("{}  {}\n", coloured(name, Colour::bold, style), text_of(one["state"], "?"));
        for (const Json& step : one["steps"].items()) out += step_block(step, style);
        if (one["steps"].items().empty()) out += "  nothing is planned\n";
    };
    for (const Json& host : plan["hosts"].items()) add(host, text_of(host["host"], "?"));
    for (const Json& domain : plan["domains"].items()) add(domain, text_of(domain["domain"], "?"));
    return out.empty() ? "no hosts\n" : out;
}

std::string render_log_entry(const Json& entry) {
    return fmt::format("{} {} {} {}\n", text_of(entry["at"], "-"), text_of(entry["host"], "-"), text_of(entry["event"], "-"), text_of(entry["sentence"]));
}

std::string render_replies(const Json& replies, const Style& style) {
    std::string out;
    for (const Json& reply : replies.items()) {
        const bool refused = reply["refused"].as_bool() == true;
        const auto host = text_of(reply["host"], "all hosts");
        const auto text = (refused ? "refused: " : "") + text_of(reply["text"]);
        out += wrapped(host + ": ", text, style.width);
    }
    return out;
}

} // namespace mxseal::cli
