// The file of `mxseal domain import`.
#include "agent/domains/roster.hpp"

#include <fmt/format.h>

namespace mxseal::agent {

namespace {

constexpr std::size_t kMistakesMax = 50; // our choice: more than anybody reads at once

std::vector<std::string_view> words_of(std::string_view line) {
    line = line.substr(0, line.find('#'));
    std::vector<std::string_view> words;
    for (std::size_t at = 0; (at = line.find_first_not_of(" \t\r", at)) != std::string_view::npos;) {
        const auto end = std::min(line.find_first_of(" \t\r", at), line.size());
        words.push_back(line.substr(at, end - at));
        at = end;
    }
    return words;
}

class Import {
public:
    Import(const Config& config, const std::string& file) : config_(config), file_(file) {}

    void line(std::size_t number, std::string_view text) {
        const auto words = words_of(text);
        if (words.empty()) return;
        if (words.size() > 2) return mistake(number, fmt::format("has {} words; allowed: a domain and the name of its profile", words.size()));
        auto name = parse_mail_domain(words[0]);
        if (!name) return mistake(number, name.error().message());
        std::optional<std::string> profile;
        if (words.size() == 2) profile = words[1];
        if (profile && !config_.profiles.contains(*profile)) return mistake(number, fmt::format("'{}' is not a name in `profiles` of {}", escape_untrusted(*profile, 60), config_.file.string()));
        auto [at, is_first] = first_line_.emplace(name->text(), number);
        if (!is_first) return mistake(number, fmt::format("{} stands in line {} already; allowed: once", name->text(), at->second));
        orders_.push_back({*std::move(name), std::move(profile)});
    }

    std::variant<std::vector<DomainOrder>, ImportMistakes> result() && {
        if (mistakes_.empty()) return std::move(orders_);
        if (more_ > 0) mistakes_.push_back(fmt::format("{}: {} more mistakes", file_, more_));
        return ImportMistakes{std::move(mistakes_)};
    }

private:
    void mistake(std::size_t number, const std::string& why) {
        if (mistakes_.size() < kMistakesMax) mistakes_.push_back(fmt::format("{}:{}: {}", file_, number, why));
        else ++more_;
    }

    const Config& config_;
    const std::string& file_;
    std::vector<DomainOrder> orders_;
    std::map<std::string, std::size_t> first_line_;
    std::vector<std::string> mistakes_;
    std::size_t more_ = 0;
};

} // namespace

std::variant<std::vector<DomainOrder>, ImportMistakes> parse_import(const Config& config, std::string_view text, const std::string& file) {
    Import import(config, file);
    for (std::size_t number = 1; !text.empty(); ++number) {
        const auto end = std::min(text.find('\n'), text.size());
        import.line(number, text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return std::move(import).result();
}

} // namespace mxseal::agent
