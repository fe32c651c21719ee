#include "agent/control/control_server.hpp"

#include "agent/control/control_api.hpp"
#include "agent/control/control_file.hpp"

#include <array>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <optional>

#include <arpa/inet.h>
#include <cpprest/http_listener.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <openssl/rand.h>
#include <sys/socket.h>
#include <unistd.h>

namespace mxseal::agent {

namespace {

using web::http::http_request;
using web::http::http_response;
using web::http::experimental::listener::http_listener;
using web::http::experimental::listener::http_listener_config;

// Between asking the kernel for a free port and listening on it another program can take it.
constexpr int kPortTries = 8;

Result<Secret> make_token() {
    std::array<std::uint8_t, 32> octets{};
    if (RAND_bytes(octets.data(), static_cast<int>(octets.size())) != 1)
        return Error(ErrorCode::internal, "the random generator of OpenSSL failed; no token, so no control API");
    return Secret(std::string_view(to_hex(octets)));
}

// http_listener does not tell which port it got for 0.
Result<std::uint16_t> free_port() {
    const int number = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (number < 0) return Error(ErrorCode::io, fmt::format("no socket for the control API: {}", std::strerror(errno)));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    const bool bound = ::bind(number, reinterpret_cast<const sockaddr*>(&address), length) == 0 &&
                       ::getsockname(number, reinterpret_cast<sockaddr*>(&address), &length) == 0;
    const int problem = errno;
    ::close(number);
    if (!bound) return Error(ErrorCode::io, fmt::format("no free port on 127.0.0.1 for the control API: {}", std::strerror(problem)));
    return ntohs(address.sin_port);
}

std::string field(const http_request& request, const char* name) {
    auto found = request.headers().find(name);
    return found == request.headers().end() ? std::string() : found->second;
}

// Throws uri_exception where an escape is broken.
std::vector<std::pair<std::string, std::string>> split_query(const std::string& query) {
    std::vector<std::pair<std::string, std::string>> out;
    std::size_t begin = 0;
    while (begin < query.size()) {
        const auto end = std::min(query.find('&', begin), query.size());
        const auto part = query.substr(begin, end - begin);
        const auto equals = std::min(part.find('='), part.size());
        if (!part.empty()) out.emplace_back(web::uri::decode(part.substr(0, equals)), equals < part.size() ? web::uri::decode(part.substr(equals + 1)) : "");
        begin = end + 1;
    }
    return out;
}

ControlRequest head_of(const http_request& request) {
    ControlRequest head;
    head.method = request.method();
    head.path = web::uri::decode(request.request_uri().path());
    head.query = split_query(request.request_uri().query());
    head.host = field(request, "Host");
    head.authorization = field(request, "Authorization");
    head.content_length = static_cast<std::size_t>(request.headers().content_length());
    head.chunked = request.headers().has("Transfer-Encoding");
    return head;
}

http_response response_of(const ControlReply& reply) {
    http_response response(static_cast<web::http::status_code>(reply.status));
    response.set_body(reply.body.dump() + "\n", "application/json");
    response.headers().add("Cache-Control", "no-store");
    return response;
}

// The listener answers only once it has read the whole body, into memory. This ends the body here, and the connection after the answer.
void refuse_unread(const http_request& request, const ControlReply& reply) {
    auto response = response_of(reply);
    response.headers().add("Connection", "close");
    request.reply(response);
    request._get_impl()->_complete(0, std::make_exception_ptr(std::runtime_error("the body is not wanted")));
}

} // namespace

struct ControlServer::Impl : std::enable_shared_from_this<ControlServer::Impl> {
    Impl(Desk& desk, Secret token) : api(desk, std::move(token)) {}

    // A request that calls the desk; the destructor of the server waits for all of them.
    bool enter() {
        std::lock_guard lock(mutex);
        if (stopping) return false;
        ++under_way;
        return true;
    }
    void leave() {
        std::lock_guard lock(mutex);
        --under_way;
        idle.notify_all();
    }
    void wait_until_idle() {
        std::unique_lock lock(mutex);
        stopping = true;
        idle.wait(lock, [&] { return under_way == 0; });
    }

    Status listen();
    void handle(const http_request& request);
    void answer_when_read(const http_request& request, ControlRequest head);

    const ControlApi api;
    std::unique_ptr<http_listener> listener;
    std::filesystem::path state;
    ControlFile file;

    std::mutex mutex;
    std::condition_variable idle;
    int under_way = 0;
    bool stopping = false;
};

void ControlServer::Impl::handle(const http_request& request) {
    ControlRequest head;
    try {
        head = head_of(request);
    } catch (const std::exception&) {
        return refuse_unread(request, control_error(400, ErrorCode::invalid, "the request is not well formed"));
    }
    if (auto refusal = api.refuse(head)) return refuse_unread(request, *refusal);
    answer_when_read(request, std::move(head));
}

void ControlServer::Impl::answer_when_read(const http_request& request, ControlRequest head) {
    http_request held = request;
    held.extract_vector().then([self = shared_from_this(), held, head = std::move(head)](pplx::task<std::vector<unsigned char>> task) mutable {
        try {
            const auto body = task.get();
            head.body.assign(body.begin(), body.end());
        } catch (const std::exception&) {
            return; // the connection ended before its body did
        }
        const bool entered = self->enter();
        held.reply(response_of(entered ? self->api.answer(head) : control_error(503, ErrorCode::busy, "the agent stops")));
        if (entered) self->leave();
    });
}

Status ControlServer::Impl::listen() {
    std::string last;
    for (int attempt = 0; attempt < kPortTries; ++attempt) {
        auto port = free_port();
        if (!port) return std::move(port).error();
        try {
            http_listener_config config;
            config.set_timeout(std::chrono::seconds(30));
            auto opened = std::make_unique<http_listener>(web::uri(fmt::format("http://127.0.0.1:{}/", *port)), config);
            opened->support([weak = weak_from_this()](const http_request& request) {
                if (auto self = weak.lock()) self->handle(request);
            });
            opened->open().get();
            listener = std::move(opened);
            file.port = *port;
            return done();
        } catch (const std::exception& problem) {
            last = problem.what();
        }
    }
    return Error(ErrorCode::io, fmt::format("the control API cannot listen on 127.0.0.1, {} ports tried, the last: {}", kPortTries, last));
}

ControlServer::ControlServer(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<std::unique_ptr<ControlServer>> ControlServer::start(Desk& desk, const std::filesystem::path& state) {
    auto token = make_token();
    if (!token) return std::move(token).error();
    auto impl = std::make_shared<Impl>(desk, token->clone());
    impl->state = state;
    impl->file.token = std::move(token).value();
    impl->file.pid = ::getpid();
    if (auto listening = impl->listen(); !listening) return std::move(listening).error();
    std::unique_ptr<ControlServer> server(new ControlServer(impl));
    if (auto written = write_control_file(state, impl->file); !written) return std::move(written).error();
    return server;
}

ControlServer::~ControlServer() {
    remove_control_file(impl_->state, impl_->file);
    impl_->wait_until_idle();
    try {
        impl_->listener->close().get();
    } catch (const std::exception&) {
        return; // closing a listener whose socket is gone already
    }
}

std::uint16_t ControlServer::port() const { return impl_->file.port; }

} // namespace mxseal::agent
