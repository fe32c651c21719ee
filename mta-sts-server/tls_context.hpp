// TlsContext: what all handshakes have in common. One for each loop, so that nothing is shared between threads.
#pragma once

#include "base/result.hpp"

#include <memory>

struct bio_method_st;
struct ssl_ctx_st;

namespace mxseal::server {

class TlsContext {
public:
    static Result<std::unique_ptr<TlsContext>> make();
    ssl_ctx_st* get() const { return context_.get(); }
    const bio_method_st* wire_method() const { return wire_method_.get(); }

private:
    struct Free {
        void operator()(ssl_ctx_st* context) const;
        void operator()(bio_method_st* method) const;
    };
    TlsContext() = default;
    std::unique_ptr<bio_method_st, Free> wire_method_;
    std::unique_ptr<ssl_ctx_st, Free> context_;
};

} // namespace mxseal::server
