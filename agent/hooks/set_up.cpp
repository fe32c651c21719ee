#include "agent/hooks/set_up.hpp"

#include <fmt/format.h>

namespace mxseal::agent {

namespace {

namespace fs = std::filesystem;

std::string head_of(Client client) {
    return fmt::format("#!/bin/sh\n# Written by `mxseal hook install {0}`; `mxseal hook remove {0}` takes it out.\n", to_string(client));
}

// The hosts whose keys mxseal hands out.
std::vector<std::string> handed_out(const Config& config) {
    std::vector<std::string> hosts;
    for (const auto& [name, host] : config.hosts)
        if (host.certificate == "external" && host.external.keys == KeyMaker::mxseal) hosts.push_back(name.text());
    return hosts;
}

std::string under(const fs::path& root, const std::string& path) { return (root / path.substr(1)).string(); }

SetUp certbot(const Config& config, const std::string& program, const fs::path& root) {
    SetUp set_up;
    set_up.files.push_back({under(root, "/etc/letsencrypt/renewal-hooks/deploy/mxseal"), head_of(Client::certbot) + fmt::format("exec {} hook certbot\n", program)});
    std::string prepares;
    for (const std::string& host : handed_out(config)) prepares += fmt::format("{} hook prepare certbot {}\n", program, host);
    if (!prepares.empty()) set_up.files.push_back({under(root, "/etc/letsencrypt/renewal-hooks/pre/mxseal"), head_of(Client::certbot) + prepares});
    set_up.lines.push_back(fmt::format("once, for each certificate that is served now: RENEWED_LINEAGE=/etc/letsencrypt/live/NAME {} hook certbot", program));
    for (const std::string& host : handed_out(config))
        set_up.lines.push_back(fmt::format("certbot has to use the key that it finds: set `reuse_key = True` under [renewalparams] in /etc/letsencrypt/renewal/{}.conf", host));
    return set_up;
}

SetUp by_line(Client client, const Config& config, const std::string& program) {
    SetUp set_up;
    const auto call = fmt::format("{} hook {}", program, to_string(client));
    for (const std::string& host : handed_out(config)) {
        set_up.lines.push_back(fmt::format("before each order for {0}, as one command line with it: {1} hook prepare {2} {0} &&", host, program, to_string(client)));
        if (client == Client::lego) set_up.lines.push_back("lego has to use the key that it finds: lego .. renew --reuse-key");
    }
    if (client == Client::lego)
        set_up.lines.push_back(fmt::format("add to the command lines of lego: run --run-hook '{0}' and renew --renew-hook '{0}'", call));
    else if (client == Client::acme_sh)
        set_up.lines.push_back(fmt::format("once for each certificate: acme.sh --install-cert -d NAME --reloadcmd '{}'", call));
    else
        set_up.lines.push_back(fmt::format("in the script or timer that runs uacme: uacme .. issue NAME && {} NAME", call));
    set_up.undo.push_back(fmt::format("take `{}` out of the command line of {}", call, to_string(client)));
    return set_up;
}

} // namespace

SetUp set_up_of(Client client, const Config& config, const std::string& program, const fs::path& root) {
    switch (client) {
    case Client::certbot: return certbot(config, program, root);
    case Client::dehydrated: return set_up_of_dehydrated(handed_out(config), head_of(client), program, root);
    case Client::lego:
    case Client::acme_sh:
    case Client::uacme: return by_line(client, config, program);
    }
    return {};
}

} // namespace mxseal::agent
