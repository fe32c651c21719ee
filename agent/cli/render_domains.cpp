#include "agent/cli/render.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace mxseal::cli {

namespace {

constexpr std::size_t kDanglingMost = 20; // our choice: more is a list for a program

Cell dane_of(const Json& domain) {
    const auto dane = text_of(domain["dane"], "-");
    return {dane, dane == "full" ? Colour::good : dane == "broken" ? Colour::bad : Colour::wait};
}

bool is_paged(const Json& policy) { return !text_of(policy["page"]).empty(); }

// Announced: every name server answers with the id of the body that every address serves.
std::string stage_of(const Json& policy) {
    if (policy["served"].as_bool() != true) return "waits";
    return policy["txt_live"].as_bool() == true ? "announced" : policy["body_live"].as_bool() == true ? "live" : "served";
}

Cell policy_of(const Json& policy) {
    if (policy.is_null()) return {"-", Colour::wait};
    const auto alarm = is_paged(policy) ? std::string("uncovered") : text_of(policy["alarm"]);
    const auto state = alarm.empty() ? stage_of(policy) : alarm;
    return {fmt::format("{} {}", text_of(policy["mode"], text_of(policy["wanted"], "?")), state), !alarm.empty() ? Colour::bad : state == "announced" ? Colour::good : Colour::wait};
}

std::string hosts_of(const Json& domain) {
    std::string hosts;
    const Json& seen = domain["mx"].items().empty() ? domain["mta_sts"]["mx"] : domain["mx"];
    for (const Json& mx : seen.items()) hosts += (hosts.empty() ? "" : " ") + text_of(mx.is_object() ? mx["host"] : mx);
    return hosts.empty() ? "-" : hosts;
}

// On a line of its own, whole, so that it can be copied into a zone.
std::string record_line(std::string_view verb, const Json& record) { return fmt::format("  {:<6}  {}\n", verb, text_of(record)); }

std::string records_of(const Json& records) {
    std::string out;
    for (const char* verb : {"add", "remove"})
        for (const Json& record : records[verb].items()) out += record_line(verb, record);
    return out;
}

// What the operator is asked for: in the zone, where mxseal may not write it.
std::string asked_of(const Json& policy, const std::string& name, const Style& style) {
    std::string out;
    const auto ask = text_of(policy["ask"]);
    if (!ask.empty() && ask != text_of(policy["reason"])) out += wrapped(name, ask, style.width);
    out += records_of(policy["ask_records"]);
    const Json& reports = policy["reports"];
    if (const auto advice = text_of(reports["advice"]); !advice.empty()) out += wrapped(name, advice, style.width);
    if (!text_of(reports["record"]).empty()) out += record_line("add", reports["record"]);
    return out;
}

// What a policy waits for, what its alarm is, which host still has to run.
std::string troubles_of(const Json& domains, const Style& style) {
    std::string out;
    for (const Json& domain : domains.items()) {
        const Json& policy = domain["mta_sts"];
        if (policy.is_null()) continue;
        const auto name = text_of(domain["domain"], "?") + ": ";
        if (is_paged(policy)) out += wrapped(name, text_of(policy["page"]), style.width);
        const bool waits = policy["served"].as_bool() != true || !text_of(policy["alarm"]).empty() || !policy["next"].is_null();
        if (waits) out += wrapped(name, text_of(policy["reason"], "no reason given"), style.width);
        out += asked_of(policy, name, style);
        for (const Json& leaving : policy["leaving"].items())
            out += wrapped(name, fmt::format("{} left the MX RRset and has to run on until {}", text_of(leaving["host"], "?"), text_of(leaving["needed_until"], "every name server has forgotten it")), style.width);
    }
    return out.empty() ? out : "\n" + out;
}

// By the hundred thousand not all are listed: the counts have them.
std::string counts_of(const Json& policies, const Style& style) {
    const Json& counts = policies["counts"];
    const auto count = [&](std::string_view name) { return counts[name].as_integer().value_or(0); };
    auto text = fmt::format("{} of {} served, generation {}; {} changing, {} not at rest, {} warnings, {} critical", count("served"), plural(static_cast<std::size_t>(count("domains")), "domain"),
                            policies["generation"].as_integer().value_or(0), policies["changing"].as_integer().value_or(0), count("not_at_rest"), count("warnings"), count("criticals"));
    for (const auto* trouble : {"snapshot", "store"})
        if (const auto why = text_of(policies[trouble]); !why.empty()) text += fmt::format("; {} in trouble: {}", trouble, why);
    std::string out = "\n" + wrapped("policies: ", text, style.width);
    const auto& dangling = policies["dangling"].items();
    for (std::size_t i = 0; i < std::min(dangling.size(), kDanglingMost); ++i) out += wrapped(text_of(dangling[i]["domain"], "?") + ": ", text_of(dangling[i]["reason"]), style.width);
    if (dangling.size() > kDanglingMost) out += wrapped("", fmt::format("and {} more whose names still lead here; `mxseal status --json` has them all", dangling.size() - kDanglingMost), style.width);
    return out;
}

} // namespace

std::string render_domains(const Json& status, const Style& style) {
    const auto& domains = status["domains"];
    const Json& policies = status["mta_sts"];
    const bool with_policies = !policies.is_null();
    std::string out = with_policies ? counts_of(policies, style) : std::string();
    if (domains.items().empty()) return out;
    std::vector<std::vector<Cell>> rows{{{"DOMAIN", Colour::dim}, {"DANE", Colour::dim}}};
    if (with_policies) rows.front().insert(rows.front().end(), {{"MTA-STS", Colour::dim}, {"CERTIFICATE UNTIL", Colour::dim}});
    rows.front().push_back({"MX", Colour::dim});
    for (const Json& domain : domains.items()) {
        std::vector<Cell> row{{text_of(domain["domain"], "?")}, dane_of(domain)};
        if (with_policies) row.insert(row.end(), {policy_of(domain["mta_sts"]), {text_of(domain["mta_sts"]["certificate_until"], "-")}});
        row.push_back({hosts_of(domain)});
        rows.push_back(std::move(row));
    }
    out += "\n" + table(rows, "", style);
    return with_policies ? out + troubles_of(domains, style) : out;
}

} // namespace mxseal::cli
