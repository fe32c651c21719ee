// AddressTable: how many connections each address holds. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <unordered_map>

struct sockaddr_storage;

namespace mxseal::server {

// What counts as one client: an IPv4 address, or an IPv6 /64, for that is the least that a subscriber gets (RFC 6177).
enum class AddressKey : std::uint64_t {};
AddressKey address_key(const sockaddr_storage& peer);

class AddressTable {
public:
    explicit AddressTable(std::size_t limit);
    std::size_t enter(AddressKey key); // how many it holds now; 0: it holds as many as it may, and this one is not counted
    void leave(AddressKey key);
    std::size_t size() const;

private:
    struct Hash {
        std::uint64_t seed; // an attacker chooses addresses
        std::size_t operator()(AddressKey key) const;
    };
    const std::size_t limit_;
    mutable std::mutex mutex_;
    std::unordered_map<AddressKey, std::uint32_t, Hash> held_;
};

} // namespace mxseal::server
