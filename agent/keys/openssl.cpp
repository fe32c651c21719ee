#include "agent/keys/openssl.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <fmt/format.h>

namespace mxseal::agent::openssl {

void Free::operator()(bio_st* handle) const { BIO_free_all(handle); }
void Free::operator()(evp_pkey_st* handle) const { EVP_PKEY_free(handle); }
void Free::operator()(stack_st_X509* handle) const { sk_X509_pop_free(handle, X509_free); }
void Free::operator()(x509_st* handle) const { X509_free(handle); }
void Free::operator()(X509_pubkey_st* handle) const { X509_PUBKEY_free(handle); }
void Free::operator()(X509_req_st* handle) const { X509_REQ_free(handle); }

Error failure(ErrorCode code, std::string_view what) {
    unsigned long reason = ERR_peek_last_error();
    const char* words = ERR_reason_error_string(reason);
    ERR_clear_error();
    if (words == nullptr) return Error(code, std::string(what));
    return Error(code, fmt::format("{} (OpenSSL: {})", what, words));
}

Bio read_only(ByteView bytes) { return Bio(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size()))); }

std::string text_of(bio_st* memory) {
    char* start = nullptr;
    long size = BIO_get_mem_data(memory, &start);
    return size > 0 ? std::string(start, static_cast<std::size_t>(size)) : std::string();
}

int no_password(char*, int, int, void*) { return -1; }

namespace {

// PEM_read_bio leaves "no start line" behind when it has merely come to the end.
bool at_end() {
    unsigned long reason = ERR_peek_last_error();
    bool end = ERR_GET_LIB(reason) == ERR_LIB_PEM && ERR_GET_REASON(reason) == PEM_R_NO_START_LINE;
    if (end) ERR_clear_error();
    return end;
}

} // namespace

Result<Certificates> read_certificates(ByteView pem, int chains) {
    if (pem.size() > kChainBytesMax)
        return Error(ErrorCode::invalid, fmt::format("the certificate file has {} octets, more than {}", pem.size(), kChainBytesMax));
    Bio bio = read_only(pem);
    Certificates certificates(sk_X509_new_null());
    ERR_clear_error();
    while (x509_st* next = PEM_read_bio_X509(bio.get(), nullptr, no_password, nullptr)) {
        sk_X509_push(certificates.get(), next);
        if (sk_X509_num(certificates.get()) > kChainCertificatesMax * chains)
            return Error(ErrorCode::invalid, fmt::format("more than {} certificates in one chain", kChainCertificatesMax));
    }
    if (!at_end()) return failure(ErrorCode::invalid, "a certificate in the PEM text does not parse");
    if (sk_X509_num(certificates.get()) == 0) return Error(ErrorCode::invalid, "no certificate in the PEM text");
    return certificates;
}

std::string pem_of(x509_st* certificate) {
    Bio bio(BIO_new(BIO_s_mem()));
    PEM_write_bio_X509(bio.get(), certificate);
    return text_of(bio.get());
}

} // namespace mxseal::agent::openssl
