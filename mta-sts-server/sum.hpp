// Sum: SHA-256 over octets that come piece by piece (FIPS 180-4).
#pragma once

#include "base/bytes.hpp"

#include <memory>

struct evp_md_ctx_st;

namespace mxseal::server {

class Sum {
public:
    Sum();
    void add(ByteView octets);
    std::array<std::uint8_t, 32> finish(); // once

private:
    struct Free {
        void operator()(evp_md_ctx_st* context) const;
    };
    std::unique_ptr<evp_md_ctx_st, Free> context_;
};

} // namespace mxseal::server
