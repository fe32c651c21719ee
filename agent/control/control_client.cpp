#include "agent/control/control_client.hpp"

#include "agent/control/local_sockets.hpp"

#include <memory>
#include <utility>

#include <curl/curl.h>
#include <fmt/format.h>
#include <openssl/crypto.h>

namespace mxseal::agent {

namespace {

constexpr long kTimeoutMs = 30'000;
// Status of ten thousand hosts takes some 10 MiB; more is no answer of ours.
constexpr std::size_t kAnswerMax = 64 << 20;

struct FreeHandle {
    void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using Handle = std::unique_ptr<CURL, FreeHandle>;
using Fields = std::unique_ptr<curl_slist, FreeHandle>;

struct Answer {
    std::string body;
    bool too_long = false;
};

std::size_t take(char* data, std::size_t size, std::size_t count, void* user) {
    auto& answer = *static_cast<Answer*>(user);
    answer.too_long = answer.body.size() + size * count > kAnswerMax;
    if (answer.too_long) return 0;
    answer.body.append(data, size * count);
    return size * count;
}

Fields fields_with(const Secret& token) {
    std::string authorization = "Authorization: Bearer " + to_text(token.reveal());
    Fields fields(curl_slist_append(nullptr, authorization.c_str()));
    OPENSSL_cleanse(authorization.data(), authorization.size());
    for (const char* each : {"Content-Type: application/json", "Expect:"})
        if (curl_slist* longer = curl_slist_append(fields.get(), each)) {
            (void)fields.release();
            fields.reset(longer);
        }
    return fields;
}

void set_up(CURL* handle, const std::string& url, curl_slist* fields, const std::string* body, Answer& answer) {
    curl_easy_setopt(handle, CURLOPT_URL, url.c_str());
    curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http");
    curl_easy_setopt(handle, CURLOPT_PROXY, ""); // not even one of the environment: the token stays on this machine
    curl_easy_setopt(handle, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(handle, CURLOPT_HTTPHEADER, fields);
    curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, kTimeoutMs);
    curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, &take);
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, &answer);
    if (body == nullptr) return;
    curl_easy_setopt(handle, CURLOPT_POST, 1L);
    curl_easy_setopt(handle, CURLOPT_POSTFIELDS, body->c_str());
    curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body->size()));
}

ErrorCode code_of(const std::string& text) {
    for (int value = 0; value <= static_cast<int>(ErrorCode::internal); ++value)
        if (to_string(static_cast<ErrorCode>(value)) == text) return static_cast<ErrorCode>(value);
    return ErrorCode::protocol;
}

Retry retry_of(ErrorCode code) { return code == ErrorCode::busy || code == ErrorCode::transient ? Retry::transient() : Retry::never(); }

Result<Json> judge(long status, const Answer& answer, pid_t pid) {
    auto json = Json::parse(answer.body);
    if (status == 200 && json) return json;
    auto text = json ? (*json)["error"].as_string() : std::nullopt;
    if (!text) return Error(ErrorCode::protocol, fmt::format("the agent (pid {}) answered HTTP {} without a word of ours", pid, status)).with_peer_text(answer.body);
    const auto code = code_of((*json)["code"].as_string().value_or(""));
    return Error(code, *text, retry_of(code));
}

std::string escaped(const std::string& text) {
    char* raw = curl_easy_escape(nullptr, text.c_str(), static_cast<int>(text.size()));
    std::string out = raw == nullptr ? "" : raw;
    curl_free(raw);
    return out;
}

} // namespace

Result<Json> ControlClient::ask(const std::string& target, const std::string* body) {
    Handle handle(curl_easy_init());
    auto fields = fields_with(file_.token);
    if (!handle || !fields) return Error(ErrorCode::internal, "libcurl could not be set up");
    Answer answer;
    const auto url = fmt::format("http://127.0.0.1:{}{}", file_.port, target);
    set_up(handle.get(), url, fields.get(), body, answer);
    const CURLcode outcome = curl_easy_perform(handle.get());
    if (outcome == CURLE_COULDNT_CONNECT)
        return Error(ErrorCode::not_found, fmt::format("no agent listens on 127.0.0.1:{}; the agent (pid {}) is gone", file_.port, file_.pid));
    if (answer.too_long) return Error(ErrorCode::protocol, fmt::format("the agent's answer to {} is longer than {} octets", target, kAnswerMax));
    if (outcome != CURLE_OK)
        return Error(ErrorCode::transient,
                     fmt::format("the agent (pid {}) does not answer on 127.0.0.1:{}: {}; look at its log, or stop it and start it again", file_.pid, file_.port,
                                 curl_easy_strerror(outcome)),
                     Retry::transient());
    long status = 0;
    curl_easy_getinfo(handle.get(), CURLINFO_RESPONSE_CODE, &status);
    return judge(status, answer, file_.pid);
}

Result<std::unique_ptr<Desk>> find_agent(const std::filesystem::path& state) {
    auto file = read_control_file(state);
    if (!file) return std::move(file).error();
    if (!*file) return std::unique_ptr<Desk>();
    auto client = std::make_unique<ControlClient>(**std::move(file));
    auto greeted = client->greet();
    if (greeted) return std::unique_ptr<Desk>(std::move(client));
    if (greeted.error().code() == ErrorCode::not_found) return std::unique_ptr<Desk>();
    return std::move(greeted).error();
}

Status ControlClient::greet() {
    // The token is sent to nobody but the user that wrote it.
    auto table = read_tcp_table();
    const auto owner = table ? owner_of_listener(*table, file_.port) : std::optional<uid_t>(file_.owner);
    if (!owner || (*owner != file_.owner && *owner != 0))
        return Error(ErrorCode::not_found, fmt::format("no agent of user {} listens on 127.0.0.1:{}", file_.owner, file_.port));
    auto answer = ask("/v1/agent", nullptr);
    if (!answer) return std::move(answer).error();
    return done();
}

Result<Json> ControlClient::status() { return ask("/v1/status", nullptr); }

Result<Json> ControlClient::plan(const std::vector<std::string>& hosts) {
    std::string target = "/v1/plan";
    char separator = '?';
    for (const auto& host : hosts) target += std::exchange(separator, '&') + ("host=" + escaped(host));
    return ask(target, nullptr);
}

Result<Json> ControlClient::request(const Json& body) {
    const auto text = body.dump();
    return ask("/v1/requests", &text);
}

Result<Json> ControlClient::log(const LogFilter& filter) {
    const auto host = filter.host.empty() ? std::string() : "&host=" + escaped(filter.host);
    return ask(fmt::format("/v1/log?after={}&limit={}{}", filter.after_id, filter.limit, host), nullptr);
}

} // namespace mxseal::agent
