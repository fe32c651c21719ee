#include "agent/cli/render.hpp"

#include <fmt/format.h>

namespace mxseal::cli {

namespace {

constexpr std::size_t kShortHash = 8; // as in the sentences of the log

Colour colour_of_state(const Json& host) {
    if (is_halted(host) || !text_of(host["trouble"]).empty()) return Colour::bad;
    return text_of(host["state"]) == "steady" ? Colour::good : Colour::wait;
}

std::string agent_line(const Json& status) {
    const Json& agent = status["agent"];
    const auto version = text_of(agent["version"]);
    const auto name = version.empty() ? std::string("agent") : "agent " + version;
    const auto counts = fmt::format("{}, {}", plural(status["hosts"].items().size(), "host"), plural(status["domains"].items().size(), "domain"));
    if (agent["running"].as_bool() == true) return fmt::format("{} is running: {}\n", name, counts);
    return fmt::format("no agent is running, this is the state as it was stored last: {}\n", counts);
}

std::string keys_of(const Json& host, const Style& style) {
    std::vector<std::vector<Cell>> rows{{{"ROLE", Colour::dim}, {"KEY", Colour::dim}, {"ALGORITHM", Colour::dim}, {"STATE", Colour::dim}, {"READY AT", Colour::dim}, {"CERTIFICATE UNTIL", Colour::dim}}};
    for (const Json& key : host["keys"].items())
        rows.push_back({{text_of(key["role"], "-")},
                        {text_of(key["spki_sha256"], "-").substr(0, kShortHash)},
                        {text_of(key["algorithm"], "-")},
                        {text_of(key["state"], "-")},
                        {text_of(key["ready_at"], "-")},
                        {text_of(key["certificate_until"], "-")}});
    return rows.size() == 1 ? "  keys  none yet\n" : table(rows, "  ", style);
}

std::string tlsa_of(const Json& tlsa, const Style& style) {
    const auto owner = text_of(tlsa["owner"]);
    if (owner.empty() && tlsa["records"].items().empty()) return {};
    const auto complete = text_of(tlsa["complete_at"]);
    const auto count = plural(tlsa["records"].items().size(), "record");
    auto text = fmt::format("{}{}, {}", count, owner.empty() ? "" : " at " + owner, complete.empty() ? "not yet at every name server" : "complete at " + complete);
    return wrapped("  TLSA  ", text, style.width);
}

// One owner a port; a desk that tells of one only has it in `tlsa`.
std::string all_tlsa_of(const Json& host, const Style& style) {
    if (host["tlsa_owners"].items().empty()) return tlsa_of(host["tlsa"], style);
    std::string out;
    for (const Json& owner : host["tlsa_owners"].items()) out += tlsa_of(owner, style);
    return out;
}

std::string next_of(const Json& host, const Style& style) {
    const Json& next = host["next"];
    const auto what = text_of(next["what"]);
    const auto at = text_of(next["at"]);
    const auto reason = text_of(next["reason"], text_of(host["reason"]));
    if (what.empty()) return reason.empty() ? std::string() : wrapped("  why   ", reason, style.width);
    auto out = wrapped("  next  ", at.empty() ? what : fmt::format("{} at {}", what, at), style.width);
    if (!reason.empty()) out += wrapped("  why   ", reason, style.width);
    return out;
}

std::string host_block(const Json& host, const Style& style) {
    auto out = fmt::format("\n{}  {}\n", coloured(text_of(host["host"], "?"), Colour::bold, style), coloured(text_of(host["state"], "?"), colour_of_state(host), style));
    if (!host["halted"].is_null()) {
        const auto since = text_of(host["halted"]["since"]);
        out += wrapped("  halt  ", fmt::format("{}{}", since.empty() ? "" : "since " + since + ": ", text_of(host["halted"]["reason"], "no reason given")), style.width);
    }
    if (const auto trouble = text_of(host["trouble"]); !trouble.empty()) out += wrapped("  ill   ", trouble, style.width);
    out += keys_of(host, style) + all_tlsa_of(host, style);
    return is_halted(host) ? out : out + next_of(host, style); // what comes next is that the reason above goes away
}

} // namespace

bool is_halted(const Json& host) { return !host["halted"].is_null() || host["state"].as_string() == "halted"; }

std::string render_status(const Json& status, const Style& style) {
    std::string out = agent_line(status);
    if (const auto trouble = text_of(status["store"]); !trouble.empty()) out += wrapped("the store is in trouble: ", trouble, style.width);
    for (const Json& host : status["hosts"].items()) out += host_block(host, style);
    return out + render_domains(status, style);
}

std::vector<std::pair<std::string, std::string>> status_lines(const Json& status) {
    std::vector<std::pair<std::string, std::string>> out;
    out.emplace_back("agent", status["agent"]["running"].as_bool() == true ? "agent running" : "agent not running");
    for (const Json& host : status["hosts"].items()) {
        const auto name = text_of(host["host"], "?");
        auto line = fmt::format("{} {}", name, text_of(host["state"], "?"));
        if (const auto why = is_halted(host) ? text_of(host["halted"]["reason"]) : text_of(host["trouble"]); !why.empty()) line += ": " + why;
        else if (const auto reason = text_of(host["reason"], text_of(host["next"]["reason"])); !reason.empty()) line += ": " + reason;
        out.emplace_back("host " + name, line);
    }
    for (const Json& domain : status["domains"].items()) {
        const auto name = text_of(domain["domain"], "?");
        std::string line = fmt::format("{} dane {}", name, text_of(domain["dane"], "?"));
        if (const Json& policy = domain["mta_sts"]; !policy.is_null()) {
            line += fmt::format(" mta-sts {} {}", text_of(policy["mode"], text_of(policy["wanted"], "?")), text_of(policy["alarm"], policy["served"].as_bool() == true ? "served" : "waits"));
            if (const auto page = text_of(policy["page"]); !page.empty()) line += ": " + page;
            else if (const auto reason = text_of(policy["reason"]); !reason.empty()) line += ": " + reason;
        }
        out.emplace_back("domain " + name, line);
    }
    return out;
}

} // namespace mxseal::cli
