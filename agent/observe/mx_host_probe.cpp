#include "agent/observe/mx_host_probe.hpp"

#include "agent/observe/smtp_starttls.hpp"
#include "base/http.hpp"

#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <fmt/format.h>

namespace mxseal::agent {

namespace {

struct FreeContext {
    void operator()(X509_STORE_CTX* context) const { X509_STORE_CTX_free(context); }
};

bool load_roots(X509_STORE* store, const std::optional<std::filesystem::path>& ca_file) {
    if (ca_file) return X509_STORE_load_file(store, ca_file->c_str()) == 1;
    return X509_STORE_set_default_paths(store) == 1;
}

} // namespace

void MxHostProbe::Free::operator()(x509_store_st* store) const { X509_STORE_free(store); }

Result<std::unique_ptr<MxHostProbe>> MxHostProbe::create(const Clock& clock, Observer& observer, Options options) {
    auto tls = TlsClient::create();
    if (!tls.ok()) return std::move(tls).error();
    std::unique_ptr<MxHostProbe> probe(new MxHostProbe(clock, observer, std::move(options), std::move(*tls)));
    probe->roots_.reset(X509_STORE_new());
    if (!probe->roots_ || !load_roots(probe->roots_.get(), probe->options_.ca_file))
        return Error(ErrorCode::invalid, fmt::format("the roots that MX hosts are judged by cannot be read{}", probe->options_.ca_file ? ": " + probe->options_.ca_file->string() : ""));
    return probe;
}

std::string MxHostProbe::trouble_of(const dns::Name& host) {
    auto addresses = observer_.addresses(host);
    if (!addresses.ok()) return fmt::format("the addresses of {} cannot be found: {}", host.text(), addresses.error().to_string());
    if (addresses->empty()) return fmt::format("{} has no address", host.text());
    for (const std::string& address : *addresses)
        if (std::string trouble = trouble_at(host, address); !trouble.empty()) return fmt::format("{}: {}", address, trouble);
    return {};
}

std::string MxHostProbe::trouble_at(const dns::Name& host, const std::string& address) {
    if (!options_.allow_private && is_private_address(address)) return "is a private address, which senders out there do not reach (`endpoint.allow_private` lets it be looked at)";
    const Deadline deadline(clock_, options_.limits.endpoint_limit);
    auto stream = TcpStream::connect(address, options_.port, deadline.at_most(options_.limits.connect_limit));
    if (!stream.ok()) return stream.error().to_string();
    if (StartTls begun = start_tls(*stream, options_.limits.ehlo_name, deadline); begun.outcome != StartTls::Outcome::ready) return begun.detail;
    auto session = tls_.handshake(*stream, {host.text(), std::nullopt, TlsOffer::Versions::tls12_and_later}, deadline);
    if (!session.ok()) return session.error().to_string();
    std::string trouble = distrust(*session, host);
    const Deadline farewell = deadline.at_most(options_.limits.quit_limit);
    SmtpDialog dialog({[&](std::string_view text) { return session->send(text, farewell); }, [&] { return session->receive(farewell); }});
    (void)dialog.command("QUIT");
    return trouble;
}

// RFC 8461 section 4.2: a chain to a trusted root, in date, and a DNS-ID of the leaf that is the host (a wildcard counts in its left-most label).
std::string MxHostProbe::distrust(const TlsSession& session, const dns::Name& host) const {
    X509* leaf = SSL_get0_peer_certificate(session.get());
    if (leaf == nullptr) return "the server showed no certificate";
    const std::unique_ptr<X509_STORE_CTX, FreeContext> context(X509_STORE_CTX_new());
    if (!context || X509_STORE_CTX_init(context.get(), roots_.get(), leaf, SSL_get_peer_cert_chain(session.get())) != 1) return "OpenSSL: no memory for a verification";
    X509_VERIFY_PARAM* param = X509_STORE_CTX_get0_param(context.get());
    X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_SSL_SERVER);
    X509_VERIFY_PARAM_set_time(param, static_cast<time_t>(to_unix_ms(clock_.wall()) / 1000));
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    if (X509_VERIFY_PARAM_set1_host(param, host.text().c_str(), host.text().size()) != 1) return "OpenSSL: no memory for a name";
    if (X509_verify_cert(context.get()) == 1) return {};
    return fmt::format("its certificate is not one that senders under MTA-STS trust for {}: {}", host.text(), X509_verify_cert_error_string(X509_STORE_CTX_get_error(context.get())));
}

} // namespace mxseal::agent
