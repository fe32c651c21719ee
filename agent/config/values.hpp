// The kinds of value that stand in the file. Each reader complains by itself and then gives nothing; an absent value (no
// node) gives nothing without a complaint.
#pragma once

#include "agent/config/reading.hpp"

namespace mxseal::agent::config {

std::optional<std::string> read_text(Reading& reading, const Value& value, std::string_view allowed);
std::optional<bool> read_switch(Reading& reading, const Value& value);
std::optional<int> read_number(Reading& reading, const Value& value, int least, int most);
std::optional<Duration> read_duration(Reading& reading, const Value& value, Duration least, Duration most);
// A path; relative ones count from the folder of the file.
std::optional<std::filesystem::path> read_path(Reading& reading, const Value& value);
std::optional<dns::Endpoint> read_endpoint_address(Reading& reading, const Value& value);
std::optional<dns::Name> read_name(Reading& reading, const Value& value);
// The key of a map as a host or domain name: letters, digits and hyphens (RFC 952, RFC 1123 section 2.1).
enum class NameUse { host, zone };
std::optional<dns::Name> name_of_key(Reading& reading, const std::string& key, const Value& value, NameUse use);
// A secret_file: queued for the machine, its text never printed when it looks like the secret itself.
std::optional<std::filesystem::path> read_secret_path(Reading& reading, const Value& value, MachineCheck::Kind kind);
std::vector<std::string> read_texts(Reading& reading, const Value& value, ListForm form, std::string_view allowed);

} // namespace mxseal::agent::config
