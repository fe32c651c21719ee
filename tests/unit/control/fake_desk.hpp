// A desk that remembers what it was asked and answers what it was told to.
#pragma once

#include "agent/runtime/desk.hpp"

#include <filesystem>
#include <mutex>
#include <string>
#include <vector>

#include <stdlib.h>

#include <catch2/catch.hpp>

namespace mxseal::agent {

class FakeDesk final : public Desk {
public:
    Result<Json> status() override {
        note("status");
        return Json::object({{"hosts", Json::array()}, {"agent", Json::object({{"running", true}})}});
    }
    Result<Json> plan(const std::vector<std::string>& hosts) override {
        std::string text = "plan";
        for (const auto& host : hosts) text += " " + host;
        note(text);
        if (!hosts.empty() && hosts.front() == "unknown.example.org") return Error(ErrorCode::not_found, "no such host");
        return Json::object({{"hosts", Json::array()}});
    }
    Result<Json> request(const Json& body) override {
        note("request " + body.dump());
        return Json::object({{"replies", Json::array()}});
    }
    Result<Json> log(const LogFilter& filter) override {
        note("log " + filter.host + " " + std::to_string(filter.after_id) + " " + std::to_string(filter.limit));
        return Json::array();
    }

    std::vector<std::string> asked() {
        std::lock_guard lock(mutex_);
        return asked_;
    }

private:
    void note(std::string text) {
        std::lock_guard lock(mutex_);
        asked_.push_back(std::move(text));
    }
    std::mutex mutex_;
    std::vector<std::string> asked_;
};

class StateFolder {
public:
    StateFolder() {
        std::string name = (std::filesystem::temp_directory_path() / "mxseal-control-XXXXXX").string();
        REQUIRE(mkdtemp(name.data()) != nullptr);
        path_ = name;
    }
    StateFolder(const StateFolder&) = delete;
    StateFolder& operator=(const StateFolder&) = delete;
    ~StateFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};

} // namespace mxseal::agent
