#include "agent/config/yaml_tree.hpp"

#include "base/result.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <sstream>
#include <utility>

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

namespace mxseal::agent::config {

namespace {

struct Stop {
    YamlProblem problem;
};

int line_of(const YAML::Mark& mark) { return mark.is_null() ? 1 : mark.line + 1; }

// Builds the tree from yaml-cpp's events. Thrown Stops end in parse_yaml().
class TreeBuilder final : public YAML::EventHandler {
public:
    std::shared_ptr<const YamlNode> take_root() { return std::move(root_); }

    void OnDocumentStart(const YAML::Mark&) override {}
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { leaf(YamlNode::Kind::nothing, mark, anchor, ""); }
    void OnScalar(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor, const std::string& value) override {
        leaf(YamlNode::Kind::scalar, mark, anchor, value);
    }
    void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        auto known = anchors_.find(anchor);
        if (known == anchors_.end()) throw Stop{{line_of(mark), "an alias stands inside the value that it names; write the value out"}};
        count(known->second.nodes, line_of(mark));
        place(known->second.node, line_of(mark));
    }
    void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
        open(YamlNode::Kind::list, mark, anchor);
    }
    void OnSequenceEnd() override { close(); }
    void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
        open(YamlNode::Kind::map, mark, anchor);
    }
    void OnMapEnd() override { close(); }

private:
    struct Open {
        std::shared_ptr<YamlNode> node;
        YAML::anchor_t anchor;
        std::size_t nodes_before;
        std::optional<std::pair<std::string, int>> key; // read, its value not yet
    };
    struct Anchor {
        std::shared_ptr<const YamlNode> node;
        std::size_t nodes;
    };

    void count(std::size_t nodes, int line) {
        nodes_ += nodes;
        if (nodes_ > kNodesMax) throw Stop{{line, fmt::format("there are more than {} values, aliases counted as often as they are used; allowed: fewer", kNodesMax)}};
    }
    void leaf(YamlNode::Kind kind, const YAML::Mark& mark, YAML::anchor_t anchor, const std::string& text) {
        count(1, line_of(mark));
        auto node = std::make_shared<YamlNode>();
        node->kind = kind;
        node->line = line_of(mark);
        node->text = text;
        if (anchor != YAML::NullAnchor) anchors_[anchor] = {node, 1};
        place(node, node->line);
    }
    void open(YamlNode::Kind kind, const YAML::Mark& mark, YAML::anchor_t anchor) {
        if (!open_.empty() && open_.back().node->kind == YamlNode::Kind::map && !open_.back().key)
            throw Stop{{line_of(mark), "a key is a list or a map; allowed: plain text before the colon"}};
        auto node = std::make_shared<YamlNode>();
        node->kind = kind;
        node->line = line_of(mark);
        open_.push_back({std::move(node), anchor, nodes_, std::nullopt});
        count(1, line_of(mark));
    }
    void close() {
        Open closed = std::move(open_.back());
        open_.pop_back();
        if (closed.anchor != YAML::NullAnchor) anchors_[closed.anchor] = {closed.node, nodes_ - closed.nodes_before};
        int line = closed.node->line;
        place(std::move(closed.node), line);
    }
    void place(std::shared_ptr<const YamlNode> node, int line) {
        if (open_.empty()) {
            root_ = std::move(node);
            return;
        }
        Open& parent = open_.back();
        if (parent.node->kind == YamlNode::Kind::list) {
            parent.node->items.push_back(std::move(node));
        } else if (!parent.key) {
            if (node->kind != YamlNode::Kind::scalar) throw Stop{{line, "a key is missing before a colon; allowed: plain text"}};
            parent.key.emplace(node->text, line);
        } else {
            parent.node->entries.push_back({std::move(parent.key->first), parent.key->second, std::move(node)});
            parent.key.reset();
        }
    }

    std::vector<Open> open_;
    std::map<YAML::anchor_t, Anchor> anchors_;
    std::shared_ptr<const YamlNode> root_;
    std::size_t nodes_ = 0;
};

std::string_view line_text(std::string_view text, int line) {
    for (int i = 1; i < line; ++i) {
        auto end = text.find('\n');
        if (end == std::string_view::npos) return {};
        text.remove_prefix(end + 1);
    }
    return text.substr(0, text.find('\n'));
}

bool indented_by_tab(std::string_view line) {
    auto first = line.find_first_not_of(" ");
    return first != std::string_view::npos && line[first] == '\t';
}

// yaml-cpp points at the line where it gave up, which may be the one after the tab.
std::optional<int> tab_near(std::string_view text, int line) {
    for (int candidate : {line, line - 1, line + 1})
        if (candidate >= 1 && indented_by_tab(line_text(text, candidate))) return candidate;
    return std::nullopt;
}

YamlProblem explain(std::string_view text, const YAML::ParserException& failure) {
    int line = line_of(failure.mark);
    if (auto tab = tab_near(text, line)) return {*tab, "a tab indents this line; allowed: spaces"};
    return {line, fmt::format("is not YAML here: {}; allowed: YAML 1.2 as in docs/configuration.md", escape_untrusted(failure.msg, 120))};
}

std::optional<YamlProblem> check_text(std::string_view text) {
    if (text.size() > kFileBytesMax) return YamlProblem{1, fmt::format("is larger than {} MiB; allowed: less", kFileBytesMax / 1024 / 1024)};
    auto odd = std::find_if(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\r' && c != '\t') || c == 0x7f;
    });
    if (odd == text.end()) return std::nullopt;
    return YamlProblem{static_cast<int>(std::count(text.begin(), odd, '\n')) + 1,
                       fmt::format("a control character (\\x{:02x}) stands here, so this is no text file; allowed: YAML in UTF-8", static_cast<unsigned>(static_cast<unsigned char>(*odd)))};
}

} // namespace

std::variant<std::shared_ptr<const YamlNode>, YamlProblem> parse_yaml(std::string_view text) {
    if (auto problem = check_text(text)) return *problem;
    try {
        std::istringstream in{std::string(text)};
        YAML::Parser parser(in);
        TreeBuilder builder;
        bool any = parser.HandleNextDocument(builder);
        auto root = builder.take_root();
        if (!any || !root || root->kind == YamlNode::Kind::nothing) return YamlProblem{1, "is empty; allowed: at least `zones` and `hosts`, see docs/configuration.md"};
        TreeBuilder second;
        if (parser.HandleNextDocument(second)) return YamlProblem{1, "holds more than one YAML document (a line `---`); allowed: one"};
        return root;
    } catch (const Stop& stop) {
        return stop.problem;
    } catch (const YAML::ParserException& failure) {
        return explain(text, failure);
    } catch (const std::exception& failure) {
        return YamlProblem{1, fmt::format("is not YAML: {}", escape_untrusted(failure.what(), 120))};
    }
}

} // namespace mxseal::agent::config
