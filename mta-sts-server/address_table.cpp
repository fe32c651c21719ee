#include "mta-sts-server/address_table.hpp"

#include <cstring>

#include <netinet/in.h>
#include <openssl/rand.h>
#include <sys/socket.h>

namespace mxseal::server {

namespace {

std::uint64_t random_seed() {
    std::uint64_t seed = 0;
    // Without randomness the table still counts rightly.
    if (RAND_bytes(reinterpret_cast<unsigned char*>(&seed), sizeof seed) != 1) seed = 0x9e3779b97f4a7c15;
    return seed | 1;
}

AddressKey of_v4(std::uint32_t address) { return AddressKey{(std::uint64_t{0xffff} << 32) | address}; }

} // namespace

AddressKey address_key(const sockaddr_storage& peer) {
    if (peer.ss_family == AF_INET) return of_v4(ntohl(reinterpret_cast<const sockaddr_in&>(peer).sin_addr.s_addr));
    if (peer.ss_family != AF_INET6) return AddressKey{0}; // a local socket
    const auto& octets = reinterpret_cast<const sockaddr_in6&>(peer).sin6_addr;
    if (IN6_IS_ADDR_V4MAPPED(&octets)) {
        std::uint32_t address;
        std::memcpy(&address, octets.s6_addr + 12, sizeof address);
        return of_v4(ntohl(address));
    }
    std::uint64_t prefix;
    std::memcpy(&prefix, octets.s6_addr, sizeof prefix);
    return AddressKey{prefix};
}

std::size_t AddressTable::Hash::operator()(AddressKey key) const {
    auto mixed = (static_cast<std::uint64_t>(key) ^ seed) * 0xff51afd7ed558ccd;
    mixed = (mixed ^ (mixed >> 32)) * seed;
    return mixed ^ (mixed >> 29);
}

AddressTable::AddressTable(std::size_t limit) : limit_(limit), held_(64, Hash{random_seed()}) {}

std::size_t AddressTable::enter(AddressKey key) {
    const std::lock_guard lock(mutex_);
    auto& count = held_[key];
    return count >= limit_ ? 0 : ++count;
}

void AddressTable::leave(AddressKey key) {
    const std::lock_guard lock(mutex_);
    const auto found = held_.find(key);
    if (found != held_.end() && --found->second == 0) held_.erase(found);
}

std::size_t AddressTable::size() const {
    const std::lock_guard lock(mutex_);
    return held_.size();
}

} // namespace mxseal::server
