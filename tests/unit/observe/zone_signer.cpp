#include "tests/unit/observe/zone_signer.hpp"

#include <ldns/ldns.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>

namespace mxseal::observe_test {
namespace {

std::string text_of(ldns_rr* rr) {
    char* raw = ldns_rr2str(rr);
    std::string text = raw;
    std::free(raw);
    ldns_rr_free(rr);
    return text;
}

std::uint32_t seconds(Instant instant) { return static_cast<std::uint32_t>(std::chrono::system_clock::to_time_t(instant)); }

ldns_dnssec_zone* parse_zone(const std::string& text) {
    FILE* file = fmemopen(const_cast<char*>(text.data()), text.size(), "r");
    ldns_dnssec_zone* zone = nullptr;
    int line = 0;
    const auto status = ldns_dnssec_zone_new_frm_fp_l(&zone, file, nullptr, 3600, LDNS_RR_CLASS_IN, &line);
    std::fclose(file);
    if (status != LDNS_STATUS_OK) throw std::runtime_error("zone line " + std::to_string(line) + ": " + ldns_get_errorstr_by_id(status));
    return zone;
}

std::string print(const ldns_dnssec_zone* zone) {
    char* buffer = nullptr;
    std::size_t size = 0;
    FILE* file = open_memstream(&buffer, &size);
    ldns_dnssec_zone_print(file, zone);
    std::fclose(file);
    std::string text(buffer, size);
    std::free(buffer);
    return text;
}

} // namespace

struct ZoneKey::Inside {
    ldns_key* key = nullptr;
    ldns_key_list* keys = ldns_key_list_new(); // owns the key
    ldns_rr* dnskey() const {
        ldns_rr* rr = ldns_key2rr(key);
        ldns_rr_set_ttl(rr, 3600);
        return rr;
    }
    ~Inside() { ldns_key_list_free(keys); }
};

ZoneKey::ZoneKey(const dns::Name& zone) : inside_(std::make_unique<Inside>()) {
    inside_->key = ldns_key_new_frm_algorithm(LDNS_SIGN_ECDSAP256SHA256, 256);
    if (inside_->key == nullptr) throw std::runtime_error("no zone key");
    ldns_key_list_push_key(inside_->keys, inside_->key);
    ldns_key_set_pubkey_owner(inside_->key, ldns_dname_new_frm_str(zone.with_dot().c_str()));
    ldns_key_set_flags(inside_->key, LDNS_KEY_ZONE_KEY | LDNS_KEY_SEP_KEY);
    ldns_rr* dnskey = inside_->dnskey();
    ldns_key_set_keytag(inside_->key, ldns_calc_keytag(dnskey));
    ldns_rr_free(dnskey);
}
ZoneKey::~ZoneKey() = default;
ZoneKey::ZoneKey(ZoneKey&&) noexcept = default;

std::string ZoneKey::dnskey() const { return text_of(inside_->dnskey()); }

std::string ZoneKey::ds() const {
    ldns_rr* dnskey = inside_->dnskey();
    std::string text = text_of(ldns_key_rr2ds(dnskey, LDNS_SHA256));
    ldns_rr_free(dnskey);
    return text;
}

std::string ZoneKey::sign(const std::string& text, const Signing& signing) const {
    ldns_dnssec_zone* zone = parse_zone(text);
    ldns_dnssec_zone_add_rr(zone, inside_->dnskey());
    ldns_key_set_inception(inside_->key, seconds(signing.inception));
    ldns_key_set_expiration(inside_->key, seconds(signing.expiration));
    ldns_rr_list* made = ldns_rr_list_new();
    const std::uint8_t flags = signing.chain == Chain::nsec3_opt_out ? 1 : 0;
    const std::uint16_t iterations = signing.chain == Chain::nsec3_many_iterations ? 120 : 0;
    const auto status = signing.chain == Chain::nsec
                            ? ldns_dnssec_zone_sign(zone, made, inside_->keys, ldns_dnssec_default_replace_signatures, nullptr)
                            : ldns_dnssec_zone_sign_nsec3(zone, made, inside_->keys, ldns_dnssec_default_replace_signatures, nullptr, 1, flags, iterations, 0, nullptr);
    if (status != LDNS_STATUS_OK) throw std::runtime_error(std::string("signing: ") + ldns_get_errorstr_by_id(status));
    std::string out = print(zone);
    ldns_rr_list_free(made);
    ldns_dnssec_zone_deep_free(zone);
    return out;
}

} // namespace mxseal::observe_test
