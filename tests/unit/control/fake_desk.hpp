// A desk that remembers what it was asked and answers what it was told to.
#pragma once

#include "agent/runtime/desk.hpp"

#include <mutex>
#include <string>
#include <vector>

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

} // namespace mxseal::agent
