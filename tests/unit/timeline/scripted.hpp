// Scripted hosts: a log as rotation writes it, line by line, and the scenes of tests/golden/timeline.
#pragma once

#include "agent/timeline/timeline.hpp"

#include <fstream>
#include <sstream>

#include <catch2/catch.hpp>

namespace mxseal::timeline {

inline constexpr const char* kHost = "mx1.example.org";

inline Instant at(std::string_view text) {
    auto instant = parse_rfc3339(text);
    REQUIRE(instant);
    return *instant;
}

// A key named by one hexadecimal digit.
inline std::string key(char digit) { return std::string(64, digit); }
inline std::string record(char digit) { return "3 1 1 " + std::string(8, digit) + ".."; }
inline std::string records(std::string_view digits) {
    std::string out = "{";
    for (const char digit : digits) out += (out.size() > 1 ? ", " : "") + record(digit);
    return out + "}";
}

class Script {
public:
    Script& add(std::string_view when, std::string_view event, Json::Object fields = {}, std::string_view sentence = "told") {
        log_.push(Json::object({{"id", ++id_}, {"at", when}, {"host", kHost}, {"event", event}, {"fields", Json(std::move(fields))}, {"sentence", sentence}}));
        return *this;
    }
    Script& complete(std::string_view when, std::string_view digits, std::string_view older_held_until = "", std::string_view owner = "_25._tcp.mx1.example.org") {
        return add(when, "tlsa.complete",
                   {{"owner", owner}, {"records", records(digits)}, {"complete_at", when}, {"older_held_until", older_held_until}, {"older_held_for", "TTL 1h"}});
    }
    Script& holds(char digit, std::string_view role, std::string_view algorithm = "ecdsa-p256") {
        keys_.push(Json::object({{"spki_sha256", key(digit)}, {"algorithm", algorithm}, {"role", role}}));
        return *this;
    }
    Script& step(std::string_view what, Json when, std::string_view reason = "because") {
        steps_.push(Json::object({{"what", what}, {"earliest", std::move(when)}, {"reason", reason}}));
        return *this;
    }

    Timeline draw(std::string_view now, std::optional<Instant> from = std::nullopt) const {
        const Json status = Json::object({{"hosts", Json(Json::Array{Json::object({{"host", kHost}, {"state", "steady"}, {"keys", keys_}, {"tlsa_owners", owners_}})})}});
        const Json plan = Json::object({{"hosts", Json(Json::Array{Json::object({{"host", kHost}, {"steps", steps_}})})}});
        return timeline_of(status, plan, log_, {kHost, at(now), from});
    }
    Script& owner(Json owner) {
        owners_.push(std::move(owner));
        return *this;
    }

private:
    int id_ = 0;
    Json log_ = Json::array(), keys_ = Json::array(), steps_ = Json::array(), owners_ = Json::array();
};

inline std::string golden_file(const std::string& name) { return std::string(MXSEAL_SOURCE_DIR "/tests/golden/timeline/") + name; }

inline std::string read_golden(const std::string& name) {
    std::ifstream file(golden_file(name));
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

// A scene: status, plan and log in one file; its now is the status's.
inline Timeline scene(const std::string& name, std::optional<Instant> from = std::nullopt) {
    auto json = Json::parse(read_golden(name));
    INFO(name);
    REQUIRE(json);
    return timeline_of((*json)["status"], (*json)["plan"], (*json)["log"], {kHost, at((*json)["status"]["at"].as_string().value_or("")), from});
}

} // namespace mxseal::timeline
