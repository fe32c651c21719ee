#include "agent/config/postfix_main.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <map>
#include <string_view>

namespace mxseal::agent {

namespace {

constexpr std::size_t kLinesMax = 20'000; // our choice: a main.cf has hundreds
constexpr std::array<std::string_view, 7> kTlsFiles{"smtpd_tls_chain_files", "smtpd_tls_cert_file", "smtpd_tls_key_file", "smtpd_tls_eccert_file", "smtpd_tls_eckey_file", "smtpd_tls_dcert_file", "smtpd_tls_dkey_file"};

std::string trimmed(const std::string& text) {
    const auto begin = text.find_first_not_of(" \t\r");
    return begin == std::string::npos ? std::string() : text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1);
}

std::map<std::string, std::string> settings_of(const std::filesystem::path& main_cf) {
    std::ifstream in(main_cf);
    std::map<std::string, std::string> settings;
    std::string line, *open = nullptr;
    for (std::size_t count = 0; count < kLinesMax && std::getline(in, line); ++count) {
        const auto text = trimmed(line);
        if (text.empty() || text.front() == '#') continue;
        if (line.front() == ' ' || line.front() == '\t') {
            if (open != nullptr) *open += " " + text;
            continue;
        }
        const auto equals = text.find('=');
        if (equals == std::string::npos) continue;
        open = &(settings[trimmed(text.substr(0, equals))] = trimmed(text.substr(equals + 1)));
    }
    return settings;
}

std::vector<std::string> words_of(const std::string& value) {
    std::vector<std::string> words;
    for (std::size_t at = 0; at < value.size();) {
        const auto begin = value.find_first_not_of(", \t", at);
        if (begin == std::string::npos) break;
        const auto end = std::min(value.find_first_of(", \t", begin), value.size());
        words.push_back(value.substr(begin, end - begin));
        at = end;
    }
    return words;
}

} // namespace

PostfixFacts read_postfix(const std::filesystem::path& main_cf) {
    PostfixFacts facts;
    for (const auto& [name, value] : settings_of(main_cf)) {
        if (name == "myhostname" && value.find('$') == std::string::npos) facts.myhostname = value;
        if (std::find(kTlsFiles.begin(), kTlsFiles.end(), name) == kTlsFiles.end()) continue;
        for (const std::string& word : words_of(value))
            if (word.starts_with('/') && word.find('$') == std::string::npos) facts.files.push_back({name, word});
    }
    return facts;
}

std::string client_folder_of(const std::string& file) {
    constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kFolders{{{"/etc/letsencrypt/", "certbot"}, {"/.lego/", "lego"}, {"/var/lib/lego/", "lego"}, {"/dehydrated/", "dehydrated"}, {"/.acme.sh/", "acme.sh"}, {"/etc/ssl/uacme/", "uacme"}}};
    for (const auto& [part, client] : kFolders)
        if (file.find(part) != std::string::npos) return std::string(client);
    return {};
}

} // namespace mxseal::agent
