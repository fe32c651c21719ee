#include "agent/hooks/lineages.hpp"

#include "base/dns/name.hpp"

#include <algorithm>
#include <map>

#include <fmt/format.h>

namespace mxseal::agent {

namespace {

// The hosts of this machine that the certificate names. Of a wildcard only Postfix's own name is known to be a host.
std::vector<std::string> hosts_of(const Lineage& lineage, const std::string& mta_name) {
    std::vector<std::string> hosts;
    for (const std::string& name : lineage.names) {
        if (!name.starts_with("*.")) {
            if (dns::Name::parse(name)) hosts.push_back(name);
        } else if (const auto dot = mta_name.find('.'); dot != std::string::npos && mta_name.substr(dot) == name.substr(1)) {
            hosts.push_back(mta_name);
        }
    }
    std::sort(hosts.begin(), hosts.end());
    hosts.erase(std::unique(hosts.begin(), hosts.end()), hosts.end());
    // Of several names one may be this machine's, and the others web sites'.
    if (std::find(hosts.begin(), hosts.end(), mta_name) != hosts.end()) return {mta_name};
    return hosts;
}

std::string above(const std::string& host) {
    const auto dot = host.find('.');
    return dot == std::string::npos ? host : host.substr(dot + 1);
}

std::string file_for(const std::string& host, const Lineage& lineage) { return lineage.combined.empty() ? fmt::format("/etc/postfix/tls/{}.pem", host) : lineage.combined.string(); }

std::string host_text(const std::string& host, const Lineage& lineage, std::string_view client) {
    return fmt::format("  {0}:\n    certificate: external   # {1} brings it ({2})\n    keys: [{3}]\n    deploy: [{{combined: {4}, group: postfix, mode: 0640, reload: [/usr/sbin/postfix, reload]}}]\n",
                       host, client, lineage.chain.parent_path().string(), rotation::to_string(lineage.algorithm), file_for(host, lineage));
}

std::string steps_text(const std::map<std::string, const Lineage*>& hosts, std::string_view client) {
    std::string text = fmt::format("# What follows, in this order (docs/manual/hooks.md):\n#   mxseal config check\n#   mxseal hook install {}\n", client);
    text += "#   install -d /etc/postfix/tls\n#   systemctl enable --now mxseal.service   # or `mxseal apply` from a timer\n";
    for (const auto& [host, lineage] : hosts) text += fmt::format("#   mxseal hook files --key {} --chain {}\n", lineage->key.string(), lineage->chain.string());
    for (const auto& [host, lineage] : hosts) // else Postfix reads that file already
        if (lineage->combined.empty()) text += fmt::format("# and when `mxseal status` calls {} steady:\n", host);
    for (const auto& [host, lineage] : hosts)
        if (lineage->combined.empty()) text += fmt::format("#   postconf -e 'smtpd_tls_chain_files = {}' && postfix reload\n", file_for(host, *lineage));
    return text;
}

std::string unknown_text(const std::map<std::string, const Lineage*>& hosts) {
    const std::string zone = hosts.empty() ? "example.org" : above(hosts.begin()->first);
    return fmt::format("# Only you can know these: the name server that takes signed updates, the zones that it has, and your mail domains.\n"
                       "# providers:\n#   primary: {{type: rfc2136, server: 192.0.2.53, tsig: {{name: mxseal, algorithm: hmac-sha256, secret_file: /etc/mxseal/tsig}}}}\n"
                       "# zones:\n#   {0}: {{provider: primary}}\n# domains:\n#   {0}: {{}}\n",
                       zone);
}

} // namespace

std::string configuration_from(Client client, const Lineages& lineages) {
    const std::string_view name = to_string(client);
    std::map<std::string, const Lineage*> hosts;
    std::string others;
    for (const Lineage& lineage : lineages.found) {
        if (!lineage.served) {
            for (const std::string& each : lineage.names) others += (others.empty() ? "" : ", ") + each;
            continue;
        }
        for (const std::string& host : hosts_of(lineage, lineages.mta_name)) hosts.emplace(host, &lineage);
    }
    std::string text = fmt::format("# Written by `mxseal init --from {}` from what is on this machine. Every key: docs/configuration.md.\nstate: /var/lib/mxseal\n\n", name);
    text += unknown_text(hosts) + "\nhosts:" + (hosts.empty() ? " {}   # Postfix serves no certificate of this client; name your MX hosts\n" : "\n");
    for (const auto& [host, lineage] : hosts) text += host_text(host, *lineage, name);
    if (!others.empty()) text += fmt::format("  # {} has these too, and Postfix does not serve them: {}\n", name, others);
    return text + "\n" + steps_text(hosts, name);
}

} // namespace mxseal::agent
