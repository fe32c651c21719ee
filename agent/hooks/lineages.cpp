#include "agent/hooks/lineages.hpp"

#include "agent/hooks/client_files.hpp"
#include "agent/hooks/pair_files.hpp"
#include "agent/hooks/postfix_files.hpp"

#include <algorithm>
#include <fstream>
#include <set>

#include <fmt/format.h>

namespace mxseal::agent {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kEntriesMax = 10'000;     // our choice: far more than one machine serves
constexpr std::size_t kFileBytesMax = 256 * 1024; // G-04: as a hook reads

fs::path on(const fs::path& root, const fs::path& file) { return root / file.relative_path(); }

std::set<std::string> entries_of(const fs::path& folder) {
    std::set<std::string> names;
    std::error_code ignored;
    for (fs::directory_iterator at(folder, ignored), end; at != end && names.size() < kEntriesMax; at.increment(ignored)) {
        if (ignored) break;
        names.insert(at->path().filename().string());
    }
    return names;
}

// Name, key and chain of what the client keeps in `folder`, which is looked at under `root`.
std::vector<Lineage> kept(Client client, const fs::path& folder, const fs::path& root) {
    std::vector<Lineage> all;
    auto each_of = [&](const fs::path& place, auto&& files) {
        for (const std::string& entry : entries_of(on(root, place))) {
            Lineage one;
            one.name = entry;
            files(one);
            std::error_code ignored;
            if (fs::exists(on(root, one.key), ignored) && fs::exists(on(root, one.chain), ignored)) all.push_back(std::move(one));
        }
    };
    switch (client) {
    case Client::certbot: each_of(folder / "live", [&](Lineage& one) { one.key = folder / "live" / one.name / "privkey.pem", one.chain = folder / "live" / one.name / "fullchain.pem"; }); break;
    case Client::dehydrated: each_of(folder, [&](Lineage& one) { one.key = folder / one.name / "privkey.pem", one.chain = folder / one.name / "fullchain.pem"; }); break;
    case Client::uacme: each_of(folder / "private", [&](Lineage& one) { one.key = folder / "private" / one.name / "key.pem", one.chain = folder / one.name / "cert.pem"; }); break;
    case Client::lego:
        each_of(folder / "certificates", [&](Lineage& one) {
            if (!one.name.ends_with(".key")) return;
            one.name.resize(one.name.size() - 4);
            one.key = folder / "certificates" / (one.name + ".key"), one.chain = folder / "certificates" / (one.name + ".crt");
        });
        break;
    case Client::acme_sh:
        each_of(folder, [&](Lineage& one) {
            const fs::path place = folder / one.name;
            if (one.name.ends_with("_ecc")) one.name.resize(one.name.size() - 4);
            one.key = place / (one.name + ".key"), one.chain = place / "fullchain.cer";
        });
        break;
    }
    return all;
}

std::string text_of(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    std::string text(kFileBytesMax, '\0');
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(in.gcount()));
    return text;
}

// The first certificate of the file as it is written there: the leaf.
std::string leaf_of(const std::string& text) {
    constexpr std::string_view kEnd = "-----END CERTIFICATE-----";
    const auto begin = text.find("-----BEGIN CERTIFICATE-----"), end = text.find(kEnd);
    return begin == std::string::npos || end == std::string::npos || end < begin ? "" : text.substr(begin, end + kEnd.size() - begin);
}

bool is_inside(const fs::path& file, const fs::path& folder) {
    const auto inner = file.lexically_relative(folder);
    return !inner.empty() && *inner.begin() != "..";
}

void find_served(Lineage& lineage, const PostfixFiles& postfix, const fs::path& folder, const fs::path& root) {
    const std::string leaf = leaf_of(text_of(on(root, lineage.chain)));
    for (const fs::path& file : postfix.served) {
        std::string text = text_of(on(root, file));
        if (leaf.empty() || leaf_of(text) != leaf) continue;
        lineage.served = true;
        if (text.find("PRIVATE KEY-----") != std::string::npos && postfix.served.size() == 1 && !is_inside(file, folder)) lineage.combined = file;
    }
}

} // namespace

Lineages find_lineages(Client client, const fs::path& given, const fs::path& root, Instant now) {
    const fs::path folder = given.empty() ? usual_folder(client) : given;
    const auto postfix = read_postfix_files(root);
    Lineages out;
    out.mta_name = postfix.hostname;
    for (Lineage& lineage : kept(client, folder, root)) {
        const PairFiles files{on(root, lineage.key), on(root, lineage.chain)};
        auto pair = read_chain_of(files, now);
        if (pair) pair = with_key(std::move(*pair), files, KeyOrigin::clients, now);
        if (!pair) {
            out.passed_over.push_back(pair.error().to_string());
            continue;
        }
        lineage.names = pair->names;
        lineage.algorithm = pair->key->algorithm();
        find_served(lineage, postfix, folder, root);
        out.found.push_back(std::move(lineage));
    }
    return out;
}

} // namespace mxseal::agent
