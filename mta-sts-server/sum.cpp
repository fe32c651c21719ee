#include "mta-sts-server/sum.hpp"

#include <new>

#include <openssl/evp.h>

namespace mxseal::server {

void Sum::Free::operator()(evp_md_ctx_st* context) const { EVP_MD_CTX_free(context); }

// SHA-256 is in every OpenSSL; what can fail is memory.
Sum::Sum() : context_(EVP_MD_CTX_new()) {
    if (!context_ || EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) != 1) throw std::bad_alloc();
}

void Sum::add(ByteView octets) {
    if (EVP_DigestUpdate(context_.get(), octets.data(), octets.size()) != 1) throw std::bad_alloc();
}

std::array<std::uint8_t, 32> Sum::finish() {
    std::array<std::uint8_t, 32> out{};
    if (EVP_DigestFinal_ex(context_.get(), out.data(), nullptr) != 1) throw std::bad_alloc();
    return out;
}

} // namespace mxseal::server
