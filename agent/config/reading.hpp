// Reading: what the readers of the sections share while one file is read: the Config that grows, the mistakes, and what must
// be asked of the machine afterwards. One thread.
#pragma once

#include "agent/config/config.hpp"
#include "agent/config/yaml_tree.hpp"

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace mxseal::agent::config {

constexpr std::size_t kLinesMax = 200; // our choice: more than anybody reads at once

// A value and where it stands: "hosts.mx1.example.org.ports".
struct Value {
    const YamlNode* node = nullptr;
    std::string path;
    int line = 1;

    bool is_nothing() const { return node == nullptr || node->kind == YamlNode::Kind::nothing; }
    bool is_scalar() const { return node != nullptr && node->kind == YamlNode::Kind::scalar; }
    bool is_list() const { return node != nullptr && node->kind == YamlNode::Kind::list; }
    bool is_map() const { return node != nullptr && node->kind == YamlNode::Kind::map; }
    std::string shown() const; // "'90x'", "a list"; empty when there is nothing
};

// What load_config() asks of the machine; parse_config() does not.
struct MachineCheck {
    enum class Kind { secret, base64_secret, readable, readable_or_warn, user, group, program, folder };
    Kind kind = Kind::readable;
    std::string path, value;
    int line = 1;
};

class Reading {
public:
    explicit Reading(const std::filesystem::path& file) { config.file = file; }

    // "FILE:LINE: path 'value' why; allowed: ...".
    void mistake(const Value& value, std::string_view why, std::string_view allowed);
    void mistake_at(int line, std::string_view text);
    void warn(int line, std::string_view text);
    void check_later(MachineCheck::Kind kind, const Value& value, std::string text);
    std::string line_prefix(int line) const;
    // Relative paths count from the folder of the file.
    std::filesystem::path resolved(const std::string& path) const;

    // In the order of the file, at most kLinesMax and one that counts the rest.
    std::vector<std::string> mistakes() const { return in_order(mistakes_, "mistakes"); }
    std::vector<std::string> warnings() const { return in_order(warnings_, "warnings"); }
    bool failed() const { return !mistakes_.empty(); }

    Config config;
    std::vector<MachineCheck> checks;
    struct Reference { Value value; std::string name; };
    std::vector<Reference> certificates, zone_providers, domain_profiles; // names to look up once all is read
    std::vector<Reference> endpoint_certificates;                         // of `endpoint`, profiles and domains
    std::map<std::string, Value> combined;                                // deployed paths, by normal form
    std::map<std::string, int> timing_lines;
    int hosts_line = 1;

private:
    std::vector<std::string> in_order(std::vector<std::pair<int, std::string>> lines, std::string_view what) const;
    std::vector<std::pair<int, std::string>> mistakes_, warnings_;
};

// A map with the keys that may stand in it. Complains once about a value of another kind, unknown and repeated keys.
class MapReader {
public:
    MapReader(Reading& reading, const Value& value, std::initializer_list<std::string_view> known);
    Value operator[](std::string_view key) const; // is_nothing() when it is absent
    bool has(std::string_view key) const { return (*this)[key].node != nullptr; }
    // As operator[]; a mistake when it is absent. `hint`: what to write.
    Value required(std::string_view key, std::string_view hint) const;

private:
    Reading& reading_;
    Value value_;
};

// The entries of a map whose keys are free names. Repeated keys are mistakes and left out.
std::vector<std::pair<std::string, Value>> entries_of(Reading& reading, const Value& value, std::string_view what);
// The items of a list; with `one_or_list` a single scalar counts as a list of one.
enum class ListForm { list, one_or_list };
std::vector<Value> items_of(Reading& reading, const Value& value, ListForm form, std::string_view allowed);

// The readers of the sections, each in the file of its name.
void read_timing(Reading& reading, const Value& value);
void read_resolver(Reading& reading, const Value& value);  // read_providers.cpp
void read_acme(Reading& reading, const Value& value);
void read_providers(Reading& reading, const Value& value);
void read_zones(Reading& reading, const Value& value);     // read_providers.cpp
void read_hosts(Reading& reading, const Value& value);
void read_deploy(Reading& reading, const Value& value, HostConfig& host);
void read_endpoint(Reading& reading, const Value& value);  // read_domains.cpp
void read_profiles(Reading& reading, const Value& value);  // read_domains.cpp
void read_domains(Reading& reading, const Value& value);
void cross_check(Reading& reading);
void check_machine(Reading& reading);

} // namespace mxseal::agent::config
