#include "agent/hooks/postfix_files.hpp"

#include <fstream>
#include <map>
#include <sstream>

namespace mxseal::agent {

namespace {

constexpr std::size_t kLinesMax = 10'000; // our choice: the longest main.cf has a thousand

std::string trimmed(const std::string& text) {
    const auto begin = text.find_first_not_of(" \t\r");
    return begin == std::string::npos ? "" : text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1);
}

// postconf(5): a line that begins with white space goes on with the one before; the last setting of a name counts.
std::map<std::string, std::string> settings_of(const std::filesystem::path& file) {
    std::map<std::string, std::string> settings;
    std::ifstream in(file);
    std::string line, name;
    for (std::size_t count = 0; count < kLinesMax && std::getline(in, line); ++count) {
        if (trimmed(line).empty() || trimmed(line).front() == '#') continue;
        if (line.front() == ' ' || line.front() == '\t') {
            if (!name.empty()) settings[name] += " " + trimmed(line);
            continue;
        }
        const auto equals = line.find('=');
        name = equals == std::string::npos ? "" : trimmed(line.substr(0, equals));
        if (!name.empty()) settings[name] = trimmed(line.substr(equals + 1));
    }
    return settings;
}

void add_files(std::vector<std::filesystem::path>& files, std::string value) {
    for (char& c : value)
        if (c == ',') c = ' ';
    std::istringstream words(value);
    for (std::string word; words >> word;)
        if (word.front() == '/') files.emplace_back(word);
}

} // namespace

PostfixFiles read_postfix_files(const std::filesystem::path& root) {
    auto settings = settings_of(root / "etc/postfix/main.cf");
    PostfixFiles found;
    if (const auto& name = settings["myhostname"]; name.find('$') == std::string::npos) found.hostname = name;
    add_files(found.served, settings["smtpd_tls_chain_files"]);
    if (!found.served.empty()) return found;
    // postconf(5): these count where smtpd_tls_chain_files is empty.
    for (const char* each : {"smtpd_tls_cert_file", "smtpd_tls_eccert_file", "smtpd_tls_key_file", "smtpd_tls_eckey_file"}) add_files(found.served, settings[each]);
    return found;
}

} // namespace mxseal::agent
