#include "agent/observe/validating_resolver.hpp"

#include "agent/observe/trust_anchors.hpp"

#include <fmt/format.h>
#include <unbound.h>

#include <array>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <poll.h>
#include <sys/eventfd.h>
#include <thread>
#include <unistd.h>

namespace mxseal::agent {
namespace {

using rotation::tlsa::Security;

constexpr int kServFail = 2;
constexpr int kClassIn = 1;
constexpr int kRecordsMax = 256; // G-10, our choice: more addresses, servers or keys than any sane zone has

struct FreeContext { void operator()(ub_ctx* context) const { ub_ctx_delete(context); } };
struct FreeAnswer { void operator()(ub_result* answer) const { ub_resolve_free(answer); } };
using Answer = std::unique_ptr<ub_result, FreeAnswer>;

struct Setting {
    const char* name;
    const char* value;
};
constexpr std::array kSettings{
    Setting{"cache-max-ttl:", "0"}, // fresh answers
    Setting{"cache-max-negative-ttl:", "0"},
    Setting{"val-bogus-ttl:", "0"},
    Setting{"val-sig-skew-min:", "0"}, // its default forgives an hour, which other validators do not
    Setting{"val-sig-skew-max:", "0"},
    Setting{"infra-host-ttl:", "30"}, // a server that was down is tried again soon
    Setting{"do-not-query-localhost:", "no"}, // a resolver or a name server on the same machine is common
    Setting{"trust-anchor-signaling:", "no"}, // RFC 8145: no questions of its own
};

Error refused(std::string_view what, int code) {
    return {ErrorCode::invalid, fmt::format("the validating resolver refuses {}: {}", what, ub_strerror(code))};
}

Status configure(ub_ctx* context, const ResolverOptions& options) {
    ub_ctx_debugout(context, nullptr);
    if (const int code = ub_ctx_async(context, 1)) return refused("threads", code);
    for (const Setting& setting : kSettings)
        if (const int code = ub_ctx_set_option(context, setting.name, setting.value)) return refused(setting.name, code);
    for (const dns::Endpoint& forwarder : options.forward)
        if (const int code = ub_ctx_set_fwd(context, forwarder.to_string().c_str())) return refused(forwarder.to_string(), code);
    for (const auto& file : options.trust_anchors)
        if (const int code = ub_ctx_add_ta_file(context, file.c_str())) return refused(file.string(), code);
    if (options.root_hints)
        if (const int code = ub_ctx_set_option(context, "root-hints:", options.root_hints->c_str())) return refused(options.root_hints->string(), code);
    // Last: this ends the configuring, every later setting fails.
    for (const std::string& zone : options.asked_all_the_same)
        if (const int code = ub_ctx_zone_remove(context, zone.c_str())) return refused(zone, code);
    return done();
}

Security security_of(const ub_result& answer) {
    if (answer.bogus) return Security::bogus;
    if (answer.rcode == kServFail) return Security::indeterminate;
    return answer.secure ? Security::secure : Security::insecure;
}

ResolvedAnswer resolved(const ub_result& answer, const dns::Name& name, dns::Type type) {
    ResolvedAnswer out;
    out.security = security_of(answer);
    out.rcode = answer.rcode;
    if (answer.canonname != nullptr)
        if (auto canonical = dns::Name::parse(answer.canonname); canonical && *canonical != name) out.canonical = *canonical;
    for (int i = 0; answer.havedata && i < kRecordsMax && answer.data[i] != nullptr; ++i) {
        const auto* data = reinterpret_cast<const std::uint8_t*>(answer.data[i]);
        out.records.push_back({out.canonical.value_or(name), type, Ttl(answer.ttl), Bytes(data, data + answer.len[i])});
    }
    out.detail = fmt::format("{} {}: {}, {}, {} records", dns::to_string(type), name.text(), rotation::tlsa::to_string(out.security),
                             dns::rcode_text(out.rcode), out.records.size());
    if (answer.bogus && answer.why_bogus != nullptr) out.detail += ": " + escape_untrusted(answer.why_bogus);
    return out;
}

} // namespace

// The context, the thread that takes answers out of it, and who waits for which.
class ValidatingResolver::Context {
public:
    explicit Context(ub_ctx* context) : context_(context), stop_(eventfd(0, EFD_CLOEXEC)) {}
    ~Context();
    Status start(const ResolverOptions& options);
    Result<Answer> resolve(const dns::Name& name, dns::Type type, Duration timeout);

private:
    // A question on its way. Its address is libunbound's handle on us, so it stays until no callback can come.
    struct Pending {
        Context* context;
        std::uint64_t token;
        bool finished = false;  // error and answer are set
        bool abandoned = false; // nobody waits any more: the callback removes it
        int error = 0;
        Answer answer{};
    };

    static void on_answer(void* argument, int error, ub_result* answer);
    void take_answers();
    Pending& expect();
    void forget(std::uint64_t token);
    void give_up(Pending& pending, int query);

    std::unique_ptr<ub_ctx, FreeContext> context_;
    int stop_;
    std::mutex mutex_;
    std::condition_variable answered_;
    std::map<std::uint64_t, Pending> pending_; // by token
    std::uint64_t last_token_ = 0;
    std::thread taker_;
};

Status ValidatingResolver::Context::start(const ResolverOptions& options) {
    if (!context_ || stop_ < 0) return Error(ErrorCode::io, "the validating resolver could not be set up: out of memory or file handles");
    Status configured = configure(context_.get(), options);
    if (configured) taker_ = std::thread([this] { take_answers(); });
    return configured;
}

ValidatingResolver::Context::~Context() {
    const std::uint64_t one = 1;
    if (taker_.joinable()) {
        (void)!write(stop_, &one, sizeof one);
        taker_.join();
    }
    context_.reset();
    if (stop_ >= 0) close(stop_);
}

void ValidatingResolver::Context::take_answers() {
    std::array<pollfd, 2> entries{pollfd{ub_fd(context_.get()), POLLIN, 0}, pollfd{stop_, POLLIN, 0}};
    // Ends with the context.
    while (true) {
        poll(entries.data(), entries.size(), -1);
        if ((entries[1].revents & POLLIN) != 0) return;
        if ((entries[0].revents & POLLIN) != 0) ub_process(context_.get());
    }
}

void ValidatingResolver::Context::on_answer(void* argument, int error, ub_result* raw) {
    Answer answer(raw);
    auto& pending = *static_cast<Pending*>(argument);
    Context& context = *pending.context;
    const std::lock_guard lock(context.mutex_);
    if (pending.abandoned) {
        context.pending_.erase(pending.token);
        return;
    }
    pending.finished = true;
    pending.error = error;
    pending.answer = std::move(answer);
    context.answered_.notify_all();
}

ValidatingResolver::Context::Pending& ValidatingResolver::Context::expect() {
    const std::lock_guard lock(mutex_);
    const std::uint64_t token = ++last_token_;
    return pending_.emplace(token, Pending{this, token}).first->second;
}

void ValidatingResolver::Context::forget(std::uint64_t token) {
    const std::lock_guard lock(mutex_);
    pending_.erase(token);
}

void ValidatingResolver::Context::give_up(Pending& pending, int query) {
    const int cancelled = ub_cancel(context_.get(), query);
    const std::lock_guard lock(mutex_);
    // Not cancelled means: the callback has run, or is about to.
    if (cancelled == 0 || pending.finished)
        pending_.erase(pending.token);
    else
        pending.abandoned = true;
}

Result<Answer> ValidatingResolver::Context::resolve(const dns::Name& name, dns::Type type, Duration timeout) {
    const std::string what = dns::to_string(type) + " " + name.text();
    Pending& pending = expect();
    int query = 0;
    const int code = ub_resolve_async(context_.get(), name.with_dot().c_str(), static_cast<int>(type), kClassIn, &pending, &on_answer, &query);
    if (code != 0) {
        forget(pending.token);
        return Error(ErrorCode::internal, fmt::format("{}: {}", what, ub_strerror(code)), Retry::transient());
    }
    std::unique_lock lock(mutex_);
    if (!answered_.wait_for(lock, timeout, [&] { return pending.finished; })) {
        lock.unlock();
        give_up(pending, query);
        return Error(ErrorCode::transient, what + ": no answer within " + to_string(timeout), Retry::transient());
    }
    const int error = pending.error;
    Answer answer = std::move(pending.answer);
    pending_.erase(pending.token);
    if (error == 0 && answer) return answer;
    return Error(ErrorCode::transient, fmt::format("{}: {}", what, ub_strerror(error)), Retry::transient());
}

ValidatingResolver::ValidatingResolver(std::unique_ptr<Context> context, std::set<dns::Name> anchored, Duration timeout)
    : context_(std::move(context)), anchored_(std::move(anchored)), timeout_(timeout) {}
ValidatingResolver::~ValidatingResolver() = default;

Result<std::unique_ptr<ValidatingResolver>> ValidatingResolver::create(const ResolverOptions& options) {
    auto anchored = anchored_names(options.trust_anchors);
    if (!anchored) return std::move(anchored).error();
    auto context = std::make_unique<Context>(ub_ctx_create());
    if (Status started = context->start(options); !started) return std::move(started).error();
    return std::unique_ptr<ValidatingResolver>(new ValidatingResolver(std::move(context), std::move(*anchored), options.timeout));
}

Result<ResolvedAnswer> ValidatingResolver::resolve(const dns::Name& name, dns::Type type) {
    Result<Answer> answer = context_->resolve(name, type, timeout_);
    if (!answer) return std::move(answer).error();
    return resolved(**answer, name, type);
}

} // namespace mxseal::agent
