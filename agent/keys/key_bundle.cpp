#include "agent/keys/key_bundle.hpp"

#include "agent/keys/openssl.hpp"
#include "agent/keys/spki.hpp"

#include <openssl/x509.h>

#include <algorithm>
#include <optional>

#include <fmt/format.h>

namespace mxseal::agent {

namespace {

constexpr std::string_view kBegin = "-----BEGIN ";
constexpr std::string_view kEnd = "-----END ";
constexpr std::string_view kDashes = "-----";
// Our choice: two algorithms are served, a file with more than eight keys is not one of a mail server.
constexpr std::size_t kKeysMax = 8;

struct Block {
    std::string_view label;
    std::string_view text; // with its BEGIN and END lines
};

// The next PEM block (RFC 7468 section 2) from `rest`, which moves behind it.
std::optional<Block> next_block(std::string_view& rest) {
    auto begin = rest.find(kBegin);
    if (begin == std::string_view::npos) return std::nullopt;
    auto label_at = begin + kBegin.size();
    auto label_end = rest.find(kDashes, label_at);
    if (label_end == std::string_view::npos) return std::nullopt;
    std::string_view label = rest.substr(label_at, label_end - label_at);
    auto end = rest.find(fmt::format("{}{}{}", kEnd, label, kDashes), label_end);
    if (end == std::string_view::npos) return std::nullopt;
    auto after = end + kEnd.size() + label.size() + kDashes.size();
    Block block{label, rest.substr(begin, after - begin)};
    rest.remove_prefix(after);
    return block;
}

Result<std::vector<PrivateKey>> keys_in(std::string_view text) {
    std::vector<PrivateKey> keys;
    while (auto block = next_block(text)) {
        if (!block->label.ends_with("PRIVATE KEY")) continue;
        auto key = PrivateKey::from_pem(view_of(block->text));
        if (!key) return std::move(key).error();
        auto same = [&](const PrivateKey& other) { return other.spki() == key->spki(); };
        if (std::any_of(keys.begin(), keys.end(), same)) continue;
        if (keys.size() == kKeysMax) return Error(ErrorCode::invalid, fmt::format("more than {} private keys in one file", kKeysMax));
        keys.push_back(*std::move(key));
    }
    if (keys.empty()) return Error(ErrorCode::invalid, "no private key in the file");
    return keys;
}

std::optional<std::size_t> key_of(x509_st* certificate, const std::vector<PrivateKey>& keys) {
    auto spki = spki_of_certificate(certificate);
    for (std::size_t i = 0; spki && i < keys.size(); ++i)
        if (keys[i].spki() == spki->hash) return i;
    return std::nullopt;
}

// The chain of each key: from its leaf to the next leaf of a key of the file.
Result<std::vector<std::string>> chains_of(stack_st_X509* certificates, const std::vector<PrivateKey>& keys) {
    std::vector<std::string> chains(keys.size());
    std::string* current = nullptr;
    for (int i = 0; i < sk_X509_num(certificates); ++i) {
        x509_st* certificate = sk_X509_value(certificates, i);
        if (auto owner = key_of(certificate, keys)) {
            current = &chains[*owner];
            if (!current->empty())
                return Error(ErrorCode::invalid, fmt::format("two certificates of the key {} in one file", keys[*owner].spki().hex()));
        }
        if (current == nullptr) return Error(ErrorCode::invalid, "the first certificate of the file belongs to none of its private keys");
        *current += openssl::pem_of(certificate);
    }
    return chains;
}

} // namespace

Result<std::vector<KeyWithChain>> split_bundle(const Secret& content) {
    ByteView octets = content.reveal();
    if (octets.size() > openssl::kChainBytesMax)
        return Error(ErrorCode::invalid, fmt::format("the file has {} octets, more than {}", octets.size(), openssl::kChainBytesMax));
    auto keys = keys_in({reinterpret_cast<const char*>(octets.data()), octets.size()});
    if (!keys) return std::move(keys).error();
    auto certificates = openssl::read_certificates(octets, static_cast<int>(kKeysMax));
    if (!certificates) return std::move(certificates).error();
    auto chains = chains_of(certificates->get(), *keys);
    if (!chains) return std::move(chains).error();
    std::vector<KeyWithChain> pairs;
    for (std::size_t i = 0; i < keys->size(); ++i) {
        if ((*chains)[i].empty())
            return Error(ErrorCode::invalid, fmt::format("the private key {} ({}) has no certificate in the file", (*keys)[i].spki().hex(), (*keys)[i].description()));
        pairs.push_back({std::move((*keys)[i]), std::move((*chains)[i])});
    }
    return pairs;
}

Secret join_bundle(const std::vector<KeyWithChain>& pairs) {
    std::vector<Secret> keys;
    std::size_t size = 0;
    for (const KeyWithChain& pair : pairs) {
        keys.push_back(pair.key.to_pem());
        size += keys.back().reveal().size() + pair.chain_pem.size() + 2;
    }
    Bytes out;
    out.reserve(size); // no reallocation, which would leave a copy behind
    auto append = [&](ByteView text) {
        out.insert(out.end(), text.begin(), text.end());
        if (!text.empty() && text.back() != '\n') out.push_back('\n');
    };
    for (std::size_t i = 0; i < pairs.size(); ++i) {
        append(keys[i].reveal());
        append(view_of(pairs[i].chain_pem));
    }
    return Secret(std::move(out));
}

} // namespace mxseal::agent
