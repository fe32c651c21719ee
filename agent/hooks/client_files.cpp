#include "agent/hooks/client_files.hpp"

#include "agent/deploy/folder.hpp"

#include <fmt/format.h>

namespace mxseal::agent {

namespace {

namespace fs = std::filesystem;

// certbot's live folder holds links into its archive, and it goes by them; dehydrated makes its link anew at each order.
fs::path place_of(Client client, const fs::path& file) {
    std::error_code ignored;
    if (client != Client::certbot || !fs::is_symlink(file, ignored)) return file;
    return fs::weakly_canonical(file, ignored);
}

Result<Secret> read_key(const fs::path& file) {
    auto folder = TargetFolder::open(file.parent_path());
    if (!folder) return std::move(folder).error();
    auto content = folder->read(file.filename());
    if (!content) return std::move(content).error();
    if (!*content) return Error(ErrorCode::not_found, fmt::format("{} is not there", file.string()));
    return std::move(**content);
}

bool holds(const fs::path& file, const PrivateKey& key) {
    std::error_code ignored;
    auto content = read_key(fs::weakly_canonical(file, ignored));
    if (!content) return false;
    auto there = PrivateKey::from_pem(content->reveal());
    return there.ok() && there->spki() == key.spki();
}

FileRights rights_like(const TargetFolder& folder, const std::string& name) {
    FileRights rights;
    auto facts = folder.facts(name);
    if (!facts || !*facts || !S_ISREG((**facts).st_mode)) return rights;
    rights.owner = (**facts).st_uid;
    rights.group = (**facts).st_gid;
    rights.mode = (**facts).st_mode & 0640;
    return rights;
}

} // namespace

fs::path usual_folder(Client client, const fs::path& home) {
    switch (client) {
    case Client::certbot: return "/etc/letsencrypt";
    case Client::lego: return home / ".lego";
    case Client::dehydrated: return "/var/lib/dehydrated/certs";
    case Client::acme_sh: return home / ".acme.sh";
    case Client::uacme: return "/etc/ssl/uacme";
    }
    return {};
}

fs::path key_file_of(Client client, const fs::path& folder, const std::string& host) {
    switch (client) {
    case Client::certbot: return folder / "live" / host / "privkey.pem";
    case Client::lego: return folder / "certificates" / (host + ".key");
    case Client::dehydrated: return folder / host / "privkey.pem";
    case Client::acme_sh: {
        // Certificates with an EC key, its default since 3.0, stand in a folder of their own.
        std::error_code ignored;
        const fs::path ecc = folder / (host + "_ecc");
        return (fs::exists(ecc, ignored) ? ecc : folder / host) / (host + ".key");
    }
    case Client::uacme: return folder / "private" / host / "key.pem";
    }
    return {};
}

Result<bool> lay_key(Client client, const fs::path& folder, const std::string& host, const fs::path& from) {
    std::error_code ignored;
    auto content = read_key(fs::weakly_canonical(from, ignored));
    if (!content) return std::move(content).error();
    auto key = PrivateKey::from_pem(content->reveal());
    if (!key) return std::move(key).error().in_context(from.string());
    const fs::path file = key_file_of(client, folder, host);
    if (holds(file, *key)) return false;
    const fs::path place = place_of(client, file);
    if (!fs::is_directory(place.parent_path(), ignored))
        return Error(ErrorCode::not_found, fmt::format("{} has no certificate of {} yet ({} is not there): let it issue once, or give it the signing request beside {}", to_string(client), host,
                                                       place.parent_path().string(), from.string()));
    auto target = TargetFolder::open(place.parent_path());
    if (!target) return std::move(target).error();
    const std::string name = place.filename();
    auto beside = target->write_beside(name, content->reveal(), rights_like(*target, name));
    if (!beside) return std::move(beside).error();
    if (auto renamed = target->rename(*beside, name); !renamed) return std::move(renamed).error();
    return true;
}

} // namespace mxseal::agent
