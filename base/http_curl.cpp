// HttpTransport over libcurl.
#include "base/http.hpp"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>
#include <mutex>

#include <fmt/format.h>

namespace mxseal {

namespace {

// Our choice: a field section of a CA or an API has one or two KiB.
constexpr std::size_t kHeaderBytesMax = 64 * 1024;
// Our choice: TCP and TLS within this, or the next try.
constexpr Duration kConnectTimeout = std::chrono::seconds(10);
// Our choice: idle handles (with their connections) that are kept.
constexpr std::size_t kIdleHandlesMax = 8;
// Our choice: who changes the system's roots does not wait longer.
constexpr long kRootsKeptSeconds = 3600;

struct FreeEasy {
    void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
using Easy = std::unique_ptr<CURL, FreeEasy>;

struct FreeList {
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using HeaderList = std::unique_ptr<curl_slist, FreeList>;

bool library_is_ready() {
    static const bool ready = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK; // once, thread-safe
    return ready;
}

// What the callbacks of one transfer write to.
struct Transfer {
    const HttpRequest& request;
    HttpResponse response;
    std::size_t header_bytes = 0;
    bool too_long = false;
    bool private_target = false;
};

std::string_view trimmed(std::string_view text) {
    auto first = text.find_first_not_of(" \t\r\n");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

std::string lower(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return out;
}

std::size_t take_header(char* data, std::size_t size, std::size_t count, void* transfer_address) {
    auto& transfer = *static_cast<Transfer*>(transfer_address);
    std::string_view line(data, size * count);
    transfer.header_bytes += line.size();
    if (transfer.header_bytes > kHeaderBytesMax) {
        transfer.too_long = true;
        return 0;
    }
    // RFC 9110 section 15.2: interim (1xx) responses come with fields of their own.
    if (line.starts_with("HTTP/")) transfer.response.headers.clear();
    auto colon = line.find(':');
    if (colon != std::string_view::npos && !line.starts_with("HTTP/"))
        transfer.response.headers.emplace_back(lower(line.substr(0, colon)), std::string(trimmed(line.substr(colon + 1))));
    return line.size();
}

std::size_t take_body(char* data, std::size_t size, std::size_t count, void* transfer_address) {
    auto& transfer = *static_cast<Transfer*>(transfer_address);
    std::size_t more = size * count;
    if (transfer.response.body.size() + more > transfer.request.body_limit) {
        transfer.too_long = true;
        return 0;
    }
    transfer.response.body.append(data, more);
    return more;
}

std::string text_of(const sockaddr& address) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    const void* octets = address.sa_family == AF_INET ? static_cast<const void*>(&reinterpret_cast<const sockaddr_in&>(address).sin_addr)
                                                      : static_cast<const void*>(&reinterpret_cast<const sockaddr_in6&>(address).sin6_addr);
    inet_ntop(address.sa_family, octets, text.data(), text.size());
    return text.data();
}

// G-04: the address is looked at after resolution, so that no name can be turned to an inner address behind our back.
curl_socket_t open_socket(void* transfer_address, curlsocktype, curl_sockaddr* target) {
    auto& transfer = *static_cast<Transfer*>(transfer_address);
    if (transfer.request.public_only && is_private_address(text_of(target->addr))) {
        transfer.private_target = true;
        return CURL_SOCKET_BAD;
    }
    return socket(target->family, target->socktype | SOCK_CLOEXEC, target->protocol);
}

Status check_request(const HttpRequest& request) {
    if (!request.url.starts_with("https://"))
        return Error(ErrorCode::invalid, fmt::format("{} is not an https URL; nothing is sent in the clear", escape_untrusted(request.url)));
    if (request.timeout <= Duration{0}) return Error(ErrorCode::invalid, "an HTTP request needs a time limit");
    auto has_break = [](std::string_view text) { return text.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos; };
    bool broken = has_break(request.url) || has_break(request.connect_to) || has_break(request.method);
    for (const auto& [name, value] : request.headers) broken = broken || has_break(name) || has_break(value);
    if (broken) return Error(ErrorCode::invalid, "a line break stands in the URL or a field of an HTTP request");
    return done();
}

// RFC 9110 section 9.2.2.
bool may_run_twice(const std::string& method) { return method == "GET" || method == "HEAD" || method == "PUT" || method == "DELETE"; }

class CurlTransport final : public HttpTransport {
public:
    explicit CurlTransport(CurlOptions options) : options_(std::move(options)) {}

    Result<HttpResponse> send(const HttpRequest& request) override {
        if (Status fit = check_request(request); !fit) return std::move(fit).error();
        Easy easy = take_handle();
        if (!easy) return Error(ErrorCode::internal, "libcurl could not be started");
        Transfer transfer{request, {}};
        HeaderList headers = header_list(request);
        HeaderList target = connect_list(request);
        set_connection(easy.get(), request, transfer);
        if (target) curl_easy_setopt(easy.get(), CURLOPT_CONNECT_TO, target.get());
        set_request(easy.get(), request, headers.get());
        set_answer(easy.get(), transfer);
        CURLcode code = curl_easy_perform(easy.get());
        if (code != CURLE_OK) return failure(easy.get(), code, transfer); // the handle and its connections go too
        finish(easy.get(), transfer.response);
        keep_handle(std::move(easy));
        return std::move(transfer.response);
    }

private:
    Easy take_handle() {
        if (!library_is_ready()) return nullptr;
        std::lock_guard lock(mutex_);
        if (idle_.empty()) return Easy(curl_easy_init());
        Easy easy = std::move(idle_.back());
        idle_.pop_back();
        return easy;
    }

    void keep_handle(Easy easy) {
        curl_easy_reset(easy.get()); // connections stay
        std::lock_guard lock(mutex_);
        if (idle_.size() < kIdleHandlesMax) idle_.push_back(std::move(easy));
    }

    static HeaderList header_list(const HttpRequest& request) {
        curl_slist* list = curl_slist_append(nullptr, "Expect:"); // no 100-continue
        for (const auto& [name, value] : request.headers) list = curl_slist_append(list, fmt::format("{}: {}", name, value).c_str());
        return HeaderList(list);
    }

    // "HOST:PORT:ADDRESS:PORT", each empty part as it is: any host, the port of the URL.
    static HeaderList connect_list(const HttpRequest& request) {
        if (request.connect_to.empty()) return nullptr;
        const bool v6 = request.connect_to.find(':') != std::string::npos;
        return HeaderList(curl_slist_append(nullptr, (v6 ? "::[" + request.connect_to + "]:" : "::" + request.connect_to + ":").c_str()));
    }

    void set_connection(CURL* easy, const HttpRequest& request, Transfer& transfer) const {
        curl_easy_setopt(easy, CURLOPT_URL, request.url.c_str());
        curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https");
        curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
        curl_easy_setopt(easy, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
        curl_easy_setopt(easy, CURLOPT_PROXY, ""); // none, whatever the environment says
        curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
        curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(request.timeout.count()));
        curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(std::min(request.timeout, kConnectTimeout).count()));
        curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
        curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, &transfer);
        // libcurl sends a request again by itself when a kept connection turns out dead: not where twice is not once. A kept
        // connection also has no socket to open and to look at.
        bool fresh = !may_run_twice(request.method) || request.public_only || !request.connect_to.empty() || !request.trusted_pem.empty();
        curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, fresh ? 1L : 0L);
        if (!request.trusted_pem.empty()) {
            curl_blob trusted{const_cast<char*>(request.trusted_pem.data()), request.trusted_pem.size(), CURL_BLOB_COPY};
            curl_easy_setopt(easy, CURLOPT_CAINFO_BLOB, &trusted);
            curl_easy_setopt(easy, CURLOPT_CAPATH, nullptr);
            return;
        }
        // libcurl keeps parsed roots with their handle, but not while a folder of them is set too: reading the system's for each connection
        // took 50 ms of CPU, nothing else in a fetch 2. Its one file holds the same roots as the folder.
        curl_easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, kRootsKeptSeconds);
        static const bool has_bundle = curl_version_info(CURLVERSION_NOW)->cainfo != nullptr;
        if (!options_.ca_file.empty() || has_bundle) curl_easy_setopt(easy, CURLOPT_CAPATH, nullptr);
        if (!options_.ca_file.empty()) curl_easy_setopt(easy, CURLOPT_CAINFO, options_.ca_file.c_str());
    }

    void set_request(CURL* easy, const HttpRequest& request, curl_slist* headers) const {
        curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
        if (!options_.user_agent.empty()) curl_easy_setopt(easy, CURLOPT_USERAGENT, options_.user_agent.c_str());
        if (request.method == "HEAD") curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
        if (!request.body.empty() || request.method == "POST") {
            curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
            curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request.body.c_str());
        }
        if (request.method != "HEAD") curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
    }

    static void set_answer(CURL* easy, Transfer& transfer) {
        curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
        curl_easy_setopt(easy, CURLOPT_HEADERDATA, &transfer);
        curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
        curl_easy_setopt(easy, CURLOPT_WRITEDATA, &transfer);
    }

    static void finish(CURL* easy, HttpResponse& response) {
        long status = 0;
        curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
        response.status = static_cast<int>(status);
        char* address = nullptr;
        curl_easy_getinfo(easy, CURLINFO_PRIMARY_IP, &address);
        if (address != nullptr) response.peer_address = address;
    }

    static bool was_sent(CURL* easy) {
        long request_bytes = 0;
        curl_easy_getinfo(easy, CURLINFO_REQUEST_SIZE, &request_bytes);
        return request_bytes > 0;
    }

    static Error failure(CURL* easy, CURLcode code, const Transfer& transfer) {
        const HttpRequest& request = transfer.request;
        auto say = [&](std::string_view what) { return fmt::format("{} {}: {}", request.method, escape_untrusted(request.url), what); };
        if (transfer.private_target) return Error(ErrorCode::refused, say("the name leads to a private address; a public CA or API has none"));
        if (transfer.too_long) return Error(ErrorCode::protocol, say(fmt::format("the answer is longer than {} octets", request.body_limit)), Retry::transient());
        switch (code) {
        case CURLE_URL_MALFORMAT:
        case CURLE_UNSUPPORTED_PROTOCOL: return Error(ErrorCode::invalid, say("not a usable https URL"));
        case CURLE_SSL_CACERT_BADFILE: return Error(ErrorCode::invalid, say("the file of trusted roots (ca_file) cannot be read"));
        case CURLE_PEER_FAILED_VERIFICATION:
        case CURLE_SSL_CONNECT_ERROR:
        case CURLE_WEIRD_SERVER_REPLY: return Error(ErrorCode::protocol, say(curl_easy_strerror(code)), Retry::transient());
        default: break;
        }
        if (was_sent(easy)) return Error(ErrorCode::ambiguous, say(fmt::format("sent, but no whole answer: {}", curl_easy_strerror(code))), Retry::transient());
        return Error(ErrorCode::transient, say(curl_easy_strerror(code)), Retry::transient());
    }

    CurlOptions options_;
    std::mutex mutex_;
    std::vector<Easy> idle_;
};

} // namespace

std::unique_ptr<HttpTransport> make_curl_transport(CurlOptions options) { return std::make_unique<CurlTransport>(std::move(options)); }

} // namespace mxseal
