#include "base/secret.hpp"

#include <openssl/crypto.h>

namespace mxseal {

Secret& Secret::operator=(Secret&& other) noexcept {
    if (this != &other) {
        wipe();
        bytes_ = std::move(other.bytes_);
        other.bytes_.clear();
    }
    return *this;
}

bool Secret::equals(ByteView other) const {
    return bytes_.size() == other.size() && CRYPTO_memcmp(bytes_.data(), other.data(), other.size()) == 0;
}

void Secret::wipe() {
    if (!bytes_.empty()) OPENSSL_cleanse(bytes_.data(), bytes_.size());
}

} // namespace mxseal
