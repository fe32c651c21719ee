// Secret: octets that must not leak. Not copied, not printed, wiped when destroyed, compared in constant time.
#pragma once

#include "base/bytes.hpp"

#include <string_view>

namespace mxseal {

class Secret {
public:
    Secret() = default;
    explicit Secret(Bytes bytes) : bytes_(std::move(bytes)) {}
    explicit Secret(std::string_view text) : bytes_(text.begin(), text.end()) {}
    Secret(Secret&& other) noexcept : bytes_(std::move(other.bytes_)) { other.bytes_.clear(); }
    Secret& operator=(Secret&& other) noexcept;
    Secret(const Secret&) = delete;
    Secret& operator=(const Secret&) = delete;
    ~Secret() { wipe(); }

    Secret clone() const { return Secret(Bytes(bytes_)); } // a copy that somebody asked for by name
    bool empty() const { return bytes_.empty(); }
    ByteView reveal() const { return bytes_; } // whoever calls this answers for where the octets go
    bool equals(ByteView other) const;         // time depends on the length only

private:
    void wipe();
    Bytes bytes_;
};

} // namespace mxseal
