// Values and changes for the driver suite.
#pragma once

#include "base/dns/tlsa.hpp"
#include "base/dns/txt.hpp"
#include "providers/driver.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <utility>
#include <vector>

namespace mxseal::conformance {

using providers::Add;
using providers::Change;
using providers::MustBeAbsent;
using providers::MustEqual;
using providers::Remove;
using providers::Replace;

// `3 1 1` and 32 octets that hold `number`.
inline Bytes tlsa(int number) {
    Bytes digest(32, 0x5a);
    digest[0] = static_cast<std::uint8_t>(number >> 8);
    digest[1] = static_cast<std::uint8_t>(number & 0xff);
    return dns::dane_ee_spki_sha256(digest).wire();
}

// `host`.elsewhere.test with that preference: BIND refuses hosts within the zone that have no address.
inline Bytes mx(std::uint8_t preference, const std::string& host) {
    Bytes rdata;
    const std::string name = std::string(1, static_cast<char>(host.size())) + host + std::string("\11elsewhere\4test\0", 16);
    for (const int octet : {0, static_cast<int>(preference)}) rdata.push_back(static_cast<std::uint8_t>(octet));
    for (const char octet : name) rdata.push_back(static_cast<std::uint8_t>(octet));
    return rdata;
}

inline Change tlsa_change(const dns::Name& owner, providers::Operation operation, providers::Precondition precondition = providers::Any{}) {
    return {owner, dns::Type::tlsa, std::move(operation), std::move(precondition)};
}

inline Change txt_change(const dns::Name& owner, providers::Operation operation, providers::Precondition precondition = providers::Any{}) {
    return {owner, dns::Type::txt, std::move(operation), std::move(precondition)};
}

// Success, or a failed test that says why not.
template <class T>
T must(Result<T> result) {
    if (!result.ok()) FAIL(to_string(result.error().code()) << ": " << result.error().to_string());
    return std::move(result).value();
}

template <class T>
ErrorCode code_of(const Result<T>& result) {
    if (result.ok()) FAIL("it succeeded");
    return result.error().code();
}

} // namespace mxseal::conformance
