// A YAML document as a tree that remembers lines and repeated keys, which yaml-cpp's own nodes forget. yaml-cpp stays in
// yaml_tree.cpp. Values are texts; what they mean is for the readers of the sections.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace mxseal::agent::config {

// Our choices: ten thousand hosts take about 3 MB and 300,000 nodes.
constexpr std::size_t kFileBytesMax = 8 * 1024 * 1024;
constexpr std::size_t kNodesMax = 1'000'000; // aliases counted as often as they are used

struct YamlNode {
    enum class Kind { nothing, scalar, list, map };
    struct Entry;
    Kind kind = Kind::nothing;
    int line = 1;
    std::string text;                                  // of a scalar
    std::vector<std::shared_ptr<const YamlNode>> items; // of a list
    std::vector<Entry> entries;                        // of a map, in order, repeated keys included
};
struct YamlNode::Entry {
    std::string key;
    int line = 1;
    std::shared_ptr<const YamlNode> value;
};

struct YamlProblem {
    int line = 1;
    std::string why; // "is not YAML: ...; allowed: ..."
};

std::variant<std::shared_ptr<const YamlNode>, YamlProblem> parse_yaml(std::string_view text);

} // namespace mxseal::agent::config
