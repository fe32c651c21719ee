// ControlApi: what the control API answers, without any transport. Who may ask, what is understood, how errors look.
//
// GET /v1/agent   {"pid"}: is somebody there
// GET /v1/status  GET /v1/plan?host=a&host=b  GET /v1/log?host=&after=&limit=  POST /v1/requests: as in desk.hpp
// Errors: {"error": text, "code": ErrorCode as text}. Any thread.
#pragma once

#include "agent/runtime/desk.hpp"
#include "base/secret.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mxseal::agent {

// Commands name a few hosts, or all by naming none: 64 KiB are 250 names of full length (our choice).
inline constexpr std::size_t kControlBodyMax = 64 * 1024;
// The newest entries that one answer of /v1/log holds (our choice: 10,000 entries are some megabytes), and one more, by which
// `mxseal log` knows that it leaves some off.
inline constexpr std::size_t kControlLogMax = 10'001;

struct ControlRequest {
    std::string method;
    std::string path;                                        // "/v1/status"
    std::vector<std::pair<std::string, std::string>> query;  // decoded, in order
    std::string host;                                        // fields Host and Authorization; empty: absent
    std::string authorization;
    std::size_t content_length = 0;
    bool chunked = false;                                    // any Transfer-Encoding
    std::string body;
};

struct ControlReply {
    int status = 200;
    Json body;
};

class ControlApi {
public:
    ControlApi(Desk& desk, Secret token) : desk_(desk), token_(std::move(token)) {}

    // What can be refused before the body is read; nothing: go on.
    std::optional<ControlReply> refuse(const ControlRequest& head) const;
    // refuse() and then the answer.
    ControlReply answer(const ControlRequest& request) const;

private:
    bool is_authorized(std::string_view authorization) const;
    ControlReply plan(const ControlRequest& request) const;
    ControlReply log(const ControlRequest& request) const;
    ControlReply post_request(const ControlRequest& request) const;

    Desk& desk_;
    const Secret token_; // as it stands in the field: 64 hexadecimal digits
};

ControlReply control_error(int status, ErrorCode code, std::string text);

} // namespace mxseal::agent
