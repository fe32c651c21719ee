// What a DNS server sends us: the message, its TSIG, its TXT values.
#include "base/dns/tsig.hpp"
#include "base/dns/tsig_record.hpp"
#include "base/dns/txt.hpp"
#include "base/dns/wire.hpp"

#include <cstdint>
#include <cstdlib>

using namespace mxseal;
using namespace mxseal::dns;

namespace {

const Instant kNow = Instant(std::chrono::seconds(1795321448));

void expect(bool holds) {
    if (!holds) std::abort();
}

void try_message(ByteView input) {
    auto parsed = parse_message(input);
    if (!parsed.ok()) return;
    expect(parsed->message.wire.size() == input.size());
    for (const auto* section : {&parsed->message.answer, &parsed->message.authority, &parsed->message.additional})
        for (const Record& record : *section) {
            expect(record.ttl >= Ttl(0) && record.ttl <= Ttl(0x7fffffff) && record.rdata.size() <= 65535);
            if (record.type != Type::txt) continue;
            if (auto text = txt_text(record.rdata); text.ok()) expect(text->size() <= record.rdata.size());
        }
}

void try_tsig(ByteView input) {
    static const TsigKey key{Name::parse("mxseal.example.test").value(), TsigAlgorithm::hmac_sha256, Secret(std::string_view("secret"))};
    const Bytes request_mac(32, 1);
    // Without the secret nobody makes an answer that verifies.
    auto kind = tsig_verify(input, key, request_mac, kNow).kind;
    expect(kind != TsigVerdict::Kind::verified && kind != TsigVerdict::Kind::bad_time && kind != TsigVerdict::Kind::out_of_time);
    auto place = find_tsig(input);
    if (!place.ok() || *place || input.size() < 12) return;
    // What the server signs verifies, whatever is in it, if it is a whole message: one whose records end where the TSIG begins.
    auto sealed = tsig_sign_answer(input, key, kNow, request_mac);
    expect(sealed.ok());
    auto found = find_tsig(sealed->wire);
    if (!found.ok() || !*found || (*found)->offset != input.size()) return;
    expect(tsig_verify(sealed->wire, key, request_mac, kNow).kind == TsigVerdict::Kind::verified);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    ByteView input(data, size);
    try_message(input);
    try_tsig(input);
    return 0;
}
