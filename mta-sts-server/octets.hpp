// Octets of a packed file: numbers are little endian, what is read is read with bounds. For the .cpp files of this folder.
#pragma once

#include "base/bytes.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace mxseal::server {

template <class Number>
void append_number(Bytes& out, Number number) {
    for (std::size_t i = 0; i < sizeof number; ++i) out.push_back(static_cast<std::uint8_t>(static_cast<std::uint64_t>(number) >> (8 * i)));
}

inline void append(Bytes& out, ByteView octets) { out.insert(out.end(), octets.begin(), octets.end()); }

inline void append_counted(Bytes& out, ByteView octets) {
    append_number(out, static_cast<std::uint32_t>(octets.size()));
    append(out, octets);
}

// Reads onward; once something is missing, it has failed and gives zeros.
class Cursor {
public:
    explicit Cursor(ByteView octets) : rest_(octets) {}

    ByteView take(std::size_t size) {
        if (size > rest_.size()) failed_ = true;
        if (failed_) return {};
        const auto out = rest_.first(size);
        rest_ = rest_.subspan(size);
        return out;
    }
    template <class Number>
    Number number() {
        std::uint64_t out = 0;
        const auto octets = take(sizeof(Number));
        for (std::size_t i = 0; i < octets.size(); ++i) out |= std::uint64_t{octets[i]} << (8 * i);
        return static_cast<Number>(out);
    }
    ByteView counted(std::size_t limit) {
        const auto size = number<std::uint32_t>();
        if (size > limit) failed_ = true;
        return take(size);
    }
    template <std::size_t size>
    void fill(std::array<std::uint8_t, size>& out) {
        const auto octets = take(size);
        std::copy(octets.begin(), octets.end(), out.begin());
    }
    bool failed() const { return failed_; }
    bool complete() const { return !failed_ && rest_.empty(); }

private:
    ByteView rest_;
    bool failed_ = false;
};

} // namespace mxseal::server
