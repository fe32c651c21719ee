#include "agent/observe/trust_anchors.hpp"

#include <fstream>
#include <optional>
#include <sstream>
#include <string>

namespace mxseal::agent {
namespace {

constexpr int kLinesMax = 10'000; // our choice: the root's file has two
constexpr int kWordsBeforeType = 3; // owner, TTL, class

// The owner of a line "owner [TTL] [class] DS|DNSKEY ..."; comments, blank and continued lines have none.
std::optional<dns::Name> owner_on(const std::string& line) {
    std::istringstream words(line);
    std::string owner, word;
    if (!(words >> owner) || owner.front() == ';') return std::nullopt;
    for (int i = 0; i < kWordsBeforeType && words >> word; ++i) {
        if (word != "DS" && word != "DNSKEY") continue;
        auto name = dns::Name::parse(owner);
        return name ? std::optional(*name) : std::nullopt;
    }
    return std::nullopt;
}

} // namespace

Result<std::set<dns::Name>> anchored_names(const std::vector<std::filesystem::path>& files) {
    std::set<dns::Name> names;
    for (const std::filesystem::path& file : files) {
        std::ifstream in(file);
        if (!in) return Error(ErrorCode::invalid, "the trust anchor file " + file.string() + " cannot be read; name another one in resolver.trust_anchors");
        std::string line;
        bool any = false;
        for (int i = 0; i < kLinesMax && std::getline(in, line); ++i) {
            const auto name = owner_on(line);
            any = any || name;
            if (name) names.insert(*name);
        }
        if (!any)
            return Error(ErrorCode::invalid, "the trust anchor file " + file.string() + " holds no DS or DNSKEY record; without an anchor nothing can be validated");
    }
    return names;
}

} // namespace mxseal::agent
