#include "agent/hooks/client_call.hpp"

#include <array>

#include <fmt/format.h>

namespace mxseal::agent {

namespace {

using Answer = Result<std::optional<PairFiles>>;

constexpr std::array<std::pair<Client, std::string_view>, 5> kClients{{{Client::certbot, "certbot"}, {Client::lego, "lego"}, {Client::dehydrated, "dehydrated"}, {Client::acme_sh, "acme.sh"}, {Client::uacme, "uacme"}}};

Error not_set(const char* name, const char* next) { return Error(ErrorCode::invalid, fmt::format("{} is not set; {}", name, next)); }

// certbot(1), --deploy-hook: RENEWED_LINEAGE is the live folder of the certificate.
Answer certbot(const VariableOf& variable) {
    const std::filesystem::path lineage = variable("RENEWED_LINEAGE");
    if (lineage.empty()) return not_set("RENEWED_LINEAGE", "certbot sets it for deploy hooks; by hand: RENEWED_LINEAGE=/etc/letsencrypt/live/NAME mxseal hook certbot");
    return std::optional(PairFiles{lineage / "privkey.pem", lineage / "fullchain.pem"});
}

// lego 4, --run-hook and --renew-hook. With --csr it has no key of its own; with --no-bundle its .crt holds the leaf alone.
Answer lego(const VariableOf& variable) {
    const std::filesystem::path chain = variable("LEGO_CERT_PATH");
    if (chain.empty()) return not_set("LEGO_CERT_PATH", "lego sets it for --run-hook and --renew-hook");
    PairFiles files{variable("LEGO_CERT_KEY_PATH"), chain};
    files.issuers = std::filesystem::path(chain).replace_extension(".issuer.crt");
    return std::optional(std::move(files));
}

// dehydrated, docs/examples/hook.sh: deploy_cert DOMAIN KEYFILE CERTFILE FULLCHAINFILE CHAINFILE TIMESTAMP. Every other operation, of later
// versions too, ends well and silently.
Answer dehydrated(const std::vector<std::string>& words) {
    if (words.empty() || words.front() != "deploy_cert") return std::optional<PairFiles>();
    if (words.size() < 5) return Error(ErrorCode::invalid, "deploy_cert comes with DOMAIN KEYFILE CERTFILE FULLCHAINFILE CHAINFILE TIMESTAMP");
    return std::optional(PairFiles{words[2], words[4]});
}

// acme.sh, --renew-hook and --reloadcmd: exported by the script for both.
Answer acme_sh(const VariableOf& variable) {
    const std::filesystem::path chain = variable("CERT_FULLCHAIN_PATH");
    if (chain.empty()) return not_set("CERT_FULLCHAIN_PATH", "acme.sh sets it for --renew-hook and --reloadcmd");
    return std::optional(PairFiles{variable("CERT_KEY_PATH"), chain});
}

// uacme(1): <confdir>/private/NAME/key.pem and <confdir>/NAME/cert.pem, which holds the chain; confdir by -c, else /etc/ssl/uacme.
Answer uacme(std::vector<std::string> words) {
    constexpr const char* kUsage = "mxseal hook uacme [--confdir DIR] NAME; NAME as in `uacme issue NAME`, DIR as given to it by -c (else /etc/ssl/uacme)";
    std::filesystem::path folder = "/etc/ssl/uacme";
    if (words.size() >= 2 && (words[0] == "--confdir" || words[0] == "-c")) {
        folder = words[1];
        words.erase(words.begin(), words.begin() + 2);
    }
    if (words.size() != 1) return Error(ErrorCode::invalid, kUsage);
    const std::string& name = words.front();
    if (name.empty() || name.find('/') != std::string::npos || name.starts_with('.') || name.starts_with('-'))
        return Error(ErrorCode::invalid, fmt::format("'{}' is no name of a certificate: {}", escape_untrusted(name, 80), kUsage));
    return std::optional(PairFiles{folder / "private" / name / "key.pem", folder / name / "cert.pem"});
}

} // namespace

std::string_view to_string(Client client) {
    for (const auto& [each, name] : kClients)
        if (each == client) return name;
    return "";
}

std::optional<Client> parse_client(std::string_view text) {
    for (const auto& [each, name] : kClients)
        if (name == text) return each;
    return std::nullopt;
}

Answer pair_of_call(Client client, const std::vector<std::string>& words, const VariableOf& variable) {
    switch (client) {
    case Client::certbot: return certbot(variable);
    case Client::lego: return lego(variable);
    case Client::dehydrated: return dehydrated(words);
    case Client::acme_sh: return acme_sh(variable);
    case Client::uacme: return uacme(words);
    }
    return std::optional<PairFiles>();
}

} // namespace mxseal::agent
