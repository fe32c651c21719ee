// dehydrated knows one HOOK for everything: ours calls the former one first, with all its words.
#include "agent/hooks/set_up.hpp"

#include <algorithm>
#include <fstream>

#include <fmt/format.h>

namespace mxseal::agent {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kHook = "/etc/dehydrated/hook-mxseal";
constexpr std::string_view kSetting = "/etc/dehydrated/conf.d/zz-mxseal.sh";
constexpr std::size_t kLinesMax = 10'000; // our choice: a configuration has a hundred

// The last assignment of `name` in a file of shell assignments; quotes taken off. Empty: none.
std::string assigned(const fs::path& file, const std::string& name) {
    std::ifstream in(file);
    std::string value, line;
    for (std::size_t count = 0; count < kLinesMax && std::getline(in, line); ++count) {
        const auto begin = line.find_first_not_of(" \t");
        if (begin == std::string::npos || line.compare(begin, name.size() + 1, name + "=") != 0) continue;
        value = line.substr(begin + name.size() + 1);
        const char quote = value.empty() ? '\0' : value.front();
        if (quote == '"' || quote == '\'')
            value = value.substr(1, value.find(quote, 1) - 1);
        else
            value = value.substr(0, value.find_first_of(" \t#"));
    }
    return value;
}

struct Found {
    std::string former; // the HOOK of today; empty: none
    bool reads_folder = false;
};

Found look(const fs::path& root) {
    const fs::path folder = root / "etc/dehydrated";
    Found found{assigned(folder / "config", "HOOK"), !assigned(folder / "config", "CONFIG_D").empty()};
    std::vector<fs::path> more;
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(folder / "conf.d", ignored))
        if (entry.path().extension() == ".sh" && entry.path().filename() != fs::path(kSetting).filename()) more.push_back(entry.path());
    std::sort(more.begin(), more.end()); // as the shell expands *.sh
    for (const fs::path& file : more)
        if (auto hook = assigned(file, "HOOK"); !hook.empty()) found.former = hook;
    if (found.former == kHook) found.former.clear();
    return found;
}

// For single quotes of the shell.
std::string quoted(const std::string& text) {
    std::string out = "'";
    for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return out + "'";
}

std::string script(const Found& found, const std::vector<std::string>& handed_out, const std::string& head, const std::string& program) {
    std::string text = head + fmt::format("former={}\nstatus=0\nif [ -n \"$former\" ]; then \"$former\" \"$@\" || status=$?; fi\n", quoted(found.former));
    text += "# dehydrated reads what is printed at generate_csr, and gives up all other certificates where a hook fails: what mxseal refuses is said, no more.\n";
    text += fmt::format("case \"$1\" in\n  deploy_cert) {} hook dehydrated \"$@\" >&2 ;;\n", program);
    if (!handed_out.empty()) {
        text += "  startup_hook)\n";
        for (const std::string& host : handed_out) text += fmt::format("    {} hook prepare dehydrated {} >&2\n", program, host);
        text += "    ;;\n";
    }
    return text + "esac\nexit $status\n";
}

} // namespace

SetUp set_up_of_dehydrated(const std::vector<std::string>& handed_out, const std::string& head, const std::string& program, const fs::path& root) {
    const Found found = look(root);
    SetUp set_up;
    set_up.files.push_back({root / kHook.substr(1), script(found, handed_out, head, program)});
    if (found.reads_folder)
        set_up.files.push_back({root / kSetting.substr(1), head + fmt::format("HOOK={}\n", kHook), 0644});
    else
        set_up.lines.push_back(fmt::format("as the last line of /etc/dehydrated/config: HOOK={}", kHook));
    if (!found.reads_folder) set_up.undo.push_back(fmt::format("take HOOK={} out of /etc/dehydrated/config", kHook));
    if (!found.former.empty()) set_up.lines.push_back(fmt::format("the former hook {} is still called first; see that it does not put new pairs before the MTA", found.former));
    if (!handed_out.empty()) set_up.lines.push_back("dehydrated has to use the key that it finds: PRIVATE_KEY_RENEW=no");
    return set_up;
}

} // namespace mxseal::agent
