// `mxseal domain`: the list of mail domains in the store.
#include "agent/cli/commands.hpp"
#include "agent/cli/render.hpp"
#include "agent/domains/roster.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>

#include <fmt/format.h>

namespace mxseal::cli {

namespace {

// Our choice: a million names of the usual length.
constexpr std::size_t kImportBytesMax = 64 * 1024 * 1024;

using Orders = std::vector<agent::DomainOrder>;

Json to_json(const agent::RosterChange& change) {
    Json notes = Json::array();
    for (const auto& note : change.notes) notes.push(note);
    return Json::object({{"added", change.added}, {"changed", change.changed}, {"unchanged", change.unchanged}, {"removed", change.removed}, {"notes", std::move(notes)}});
}

std::string sentence_of(const agent::RosterChange& change) {
    if (change.removed > 0) return fmt::format("{} removed", plural(change.removed, "domain"));
    return fmt::format("{} added, {} changed, {} unchanged", plural(change.added, "domain"), change.changed, change.unchanged);
}

int show_change(Environment& environment, const Arguments& arguments, const Result<agent::RosterChange>& change) {
    if (!change) return fail(environment, change.error());
    Console& console = environment.console;
    if (arguments.json) {
        console.json(to_json(*change));
        return kExitDone;
    }
    const bool any = change->added + change->changed + change->removed > 0;
    console.line(sentence_of(*change) + (any ? "; a running agent takes it up within seconds" : ""));
    for (const auto& note : change->notes) console.warn("mxseal: " + note);
    return kExitDone;
}

// Empty: a name is wrong, which has been said.
std::optional<std::vector<dns::Name>> names_of(Environment& environment, const std::vector<std::string>& words) {
    std::vector<dns::Name> names;
    for (const auto& word : words) {
        auto name = agent::parse_mail_domain(word);
        if (!name) {
            environment.console.warn("mxseal: " + name.error().to_string());
            return std::nullopt;
        }
        names.push_back(*std::move(name));
    }
    return names;
}

Result<std::string> read_import(const std::string& file) {
    errno = 0;
    std::ifstream in(file == "-" ? "/dev/stdin" : file, std::ios::binary);
    std::string text(kImportBytesMax + 1, '\0');
    if (in) in.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (in.bad() || (in.gcount() == 0 && errno != 0)) return Error(ErrorCode::io, fmt::format("{} cannot be read: {}", file, std::strerror(errno)));
    text.resize(static_cast<std::size_t>(in.gcount()));
    if (text.size() > kImportBytesMax) return Error(ErrorCode::invalid, fmt::format("{} is larger than {} MiB; import it in parts", file, kImportBytesMax >> 20));
    return text;
}

std::optional<Orders> read_orders(Environment& environment, const Arguments& arguments, const agent::Config& config) {
    auto text = read_import(arguments.import_file);
    if (!text) {
        environment.console.warn("mxseal: " + text.error().to_string());
        return std::nullopt;
    }
    auto parsed = agent::parse_import(config, *text, arguments.import_file == "-" ? "stdin" : arguments.import_file);
    if (auto* mistakes = std::get_if<agent::ImportMistakes>(&parsed)) {
        for (const auto& line : mistakes->lines) environment.console.warn(line);
        environment.console.warn("mxseal: nothing was imported");
        return std::nullopt;
    }
    return std::get<Orders>(std::move(parsed));
}

std::string note_on(const agent::ListedDomain& domain) {
    if (domain.in_file && domain.in_store) return "also in the store; the file wins";
    if (!domain.profile_is_known) return domain.in_file ? "" : "its profile is not in the file, so no policy is served";
    return "";
}

Json to_json(const agent::ListedDomain& domain) {
    return Json::object({{"domain", domain.name}, {"profile", domain.profile}, {"profile_is_known", domain.profile_is_known}, {"in_file", domain.in_file}, {"in_store", domain.in_store},
                         {"changed_at", domain.changed_at ? Json(to_rfc3339(*domain.changed_at)) : Json()}, {"who", domain.in_store ? Json(domain.who) : Json()}});
}

int show_list(Environment& environment, const Arguments& arguments, agent::DomainRoster& roster) {
    auto domains = roster.list(arguments.profile.value_or(""));
    if (!domains) return fail(environment, domains.error());
    Console& console = environment.console;
    if (arguments.json) {
        Json all = Json::array();
        for (const auto& domain : *domains) all.push(to_json(domain));
        console.json(Json::object({{"domains", std::move(all)}}));
        return kExitDone;
    }
    std::vector<std::vector<Cell>> rows;
    for (const auto& domain : *domains)
        rows.push_back({{domain.name}, {domain.profile}, {domain.in_file ? "file" : "store"}, {domain.changed_at ? to_rfc3339(std::chrono::floor<std::chrono::seconds>(*domain.changed_at)) : ""},
                        {domain.who}, {note_on(domain), Colour::dim}});
    console.print(rows.empty() ? "no domains\n" : table(rows, "", console.style()));
    return kExitDone;
}

} // namespace

int change_or_list_domains(Environment& environment, const Arguments& arguments, const agent::Config& config) {
    auto names = names_of(environment, arguments.domains);
    std::optional<Orders> orders = Orders();
    if (arguments.verb == Verb::domain_import) orders = read_orders(environment, arguments, config);
    if (!names || !orders) return kExitUsage;
    auto roster = environment.open_roster(config);
    if (!roster) return fail(environment, roster.error());
    if (arguments.verb == Verb::domain_list) return show_list(environment, arguments, **roster);
    if (arguments.verb == Verb::domain_remove) return show_change(environment, arguments, (*roster)->remove(*names, environment.operator_name));
    for (const auto& name : *names) orders->push_back({name, arguments.profile});
    return show_change(environment, arguments, (*roster)->add(*orders, environment.operator_name));
}

} // namespace mxseal::cli
