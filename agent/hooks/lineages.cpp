#include "agent/hooks/lineages.hpp"

#include "agent/hooks/client_files.hpp"

#include <algorithm>
#include <array>
#include <set>

#include <fmt/format.h>

namespace mxseal::agent {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLineagesMax = 1000; // our choice: a mail server has a few

// Where each client keeps its certificates, and what the file with the whole chain is called there.
std::vector<fs::path> chains_of(Client client, const fs::path& root, const fs::path& home) {
    const bool lego = client == Client::lego;
    const fs::path folder = root / usual_folder(client, home).relative_path() / (client == Client::certbot ? "live" : lego ? "certificates" : "");
    std::vector<fs::path> chains;
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(folder, ignored)) {
        if (chains.size() == kLineagesMax) break;
        const auto name = entry.path().filename().string();
        if (lego ? name.ends_with(".crt") && !name.ends_with(".issuer.crt") : entry.is_directory(ignored)) chains.push_back(lego ? entry.path() : entry.path() / "fullchain.pem");
    }
    std::erase_if(chains, [](const fs::path& chain) {
        std::error_code missing;
        return !fs::exists(chain, missing);
    });
    std::sort(chains.begin(), chains.end());
    return chains;
}

// The files of a certificate lie beside one another; certbot's links and their archive count as one.
bool is_of(const Lineage& lineage, const PostfixFile& file) {
    const auto folder = lineage.chain.parent_path().string();
    const auto stem = lineage.chain.parent_path() / lineage.chain.stem();
    const bool own_folder = lineage.chain.filename() == "fullchain.pem";
    return own_folder ? fs::path(file.file).parent_path() == folder : file.file.starts_with(stem.string() + ".");
}

bool sounds_like_mail(const std::string& name) {
    constexpr std::array<std::string_view, 4> kBegins{"mx", "mail", "smtp", "mta"};
    const bool begins = std::any_of(kBegins.begin(), kBegins.end(), [&](std::string_view each) { return name.starts_with(each); });
    return begins && !name.starts_with("mta-sts.");
}

struct Choice {
    std::set<std::string> hosts;
    std::vector<std::string> passed_over; // with the reason
};

bool is_host_name(const std::string& name) { return name.find('*') == std::string::npos && dns::Name::parse(name).ok(); }

void choose(Choice& choice, const Lineage& lineage, const PostfixFacts& postfix) {
    if (!lineage.trouble.empty()) return choice.passed_over.push_back(fmt::format("{}: {}", lineage.chain.string(), lineage.trouble));
    const bool read = std::any_of(postfix.files.begin(), postfix.files.end(), [&](const PostfixFile& file) { return is_of(lineage, file); });
    const bool names_this = std::find(lineage.names.begin(), lineage.names.end(), postfix.myhostname) != lineage.names.end();
    for (const std::string& name : lineage.names) {
        // What Postfix calls itself is the host; without that, every name of a certificate that it reads may be one.
        const bool mail = names_this ? name == postfix.myhostname : read || sounds_like_mail(name);
        if (mail && is_host_name(name))
            choice.hosts.insert(name);
        else
            choice.passed_over.push_back(fmt::format("{} ({}): {}", name, lineage.chain.string(), is_host_name(name) ? "not taken for an MX host" : "no name of one host"));
    }
}

std::string zone_of(const std::string& host) {
    const auto dot = host.find('.');
    return dot == std::string::npos ? host : host.substr(dot + 1);
}

} // namespace

std::vector<Lineage> find_lineages(Client client, const fs::path& root, const fs::path& home, Instant now) {
    std::vector<Lineage> lineages;
    for (const fs::path& chain : chains_of(client, root, home)) {
        Lineage& lineage = lineages.emplace_back();
        lineage.chain = "/" / chain.lexically_relative(root);
        auto read = read_chain_of({{}, chain}, now);
        if (read)
            lineage.names = read->names;
        else
            lineage.trouble = read.error().message();
    }
    return lineages;
}

std::string first_configuration(Client client, const std::vector<Lineage>& lineages, const PostfixFacts& postfix) {
    Choice choice;
    for (const Lineage& lineage : lineages) choose(choice, lineage, postfix);
    std::set<std::string> zones;
    for (const std::string& host : choice.hosts) zones.insert(zone_of(host));
    std::string text = fmt::format("# Made by `mxseal init --from {}`. Fill in what stands behind FILL IN, then `mxseal config check`.\nstate: /var/lib/mxseal\n\n", to_string(client));
    text += "# FILL IN: the name server that takes signed updates (RFC 2136), and which zones it has.\n# providers:\n"
            "#   primary: {type: rfc2136, server: 192.0.2.53, tsig: {name: mxseal, algorithm: hmac-sha256, secret_file: /etc/mxseal/tsig}}\n# zones:\n";
    for (const std::string& zone : zones.empty() ? std::set<std::string>{"example.org"} : zones) text += fmt::format("#   {}: {{provider: primary}}\n", zone);
    text += "\n# Let Postfix read the file of `deploy`, not the client's folder: smtpd_tls_chain_files = /etc/postfix/tls/HOST.pem\n";
    text += choice.hosts.empty() ? "# FILL IN: no certificate was taken for one of an MX host.\n# hosts:\n#   mx1.example.org:\n#     certificate: external\n" : "hosts:\n";
    for (const std::string& host : choice.hosts)
        text += fmt::format("  {0}:\n    certificate: external\n    deploy: [{{combined: /etc/postfix/tls/{0}.pem, reload: [/usr/sbin/postfix, reload]}}]\n", host);
    for (const std::string& passed : choice.passed_over) text += fmt::format("# {}\n", passed);
    return text;
}

} // namespace mxseal::agent
