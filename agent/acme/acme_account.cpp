#include "agent/acme/acme_account.hpp"

#include <fmt/format.h>

namespace mxseal::agent {

namespace {

constexpr std::string_view kKind = "acme_account";
constexpr std::string_view kKeyKind = "acme_account_key";

// E-08: one account a CA.
std::string id_of(const std::string& directory) { return to_hex(sha256(view_of(directory))).substr(0, 32); }

Json contacts_of(const AccountOptions& options) {
    Json contacts = Json::array();
    for (const std::string& contact : options.contact) contacts.push(contact);
    return contacts;
}

Status check_terms(const AcmeDirectory& directory, const AccountOptions& options) {
    if (directory.external_account_required)
        return Error(ErrorCode::unsupported, fmt::format("the CA {} registers only accounts that are bound to one of its own (EAB); choose another CA", options.name));
    // RFC 8555 section 7.3: agreeing is the operator's act, never ours.
    if (options.accept_terms || directory.terms_of_service.empty()) return done();
    return Error(ErrorCode::refused, fmt::format("the CA {} has terms of service at {}; read them, then set `accept_terms: true` at acme.{}", options.name,
                                                 escape_untrusted(directory.terms_of_service), options.name));
}

Result<AccountKey> open_key(Journal& journal, const std::string& id) {
    if (auto pem = journal.get_secret(kKeyKind, id)) return AccountKey::from_pem(pem->reveal());
    auto key = AccountKey::generate();
    if (!key) return key;
    if (Status kept = journal.put_secret(kKeyKind, id, key->to_pem()); !kept) return std::move(kept).error();
    return key;
}

Result<std::string> register_account(AcmeSession& session, const AccountKey& key, const AccountOptions& options) {
    auto directory = session.directory();
    if (!directory) return std::move(directory).error();
    if (Status agreed = check_terms(*directory, options); !agreed) return std::move(agreed).error();
    Json payload = Json::object({{"termsOfServiceAgreed", options.accept_terms}, {"contact", contacts_of(options)}});
    auto reply = session.post(directory->new_account, key, "", payload.dump());
    if (!reply) return std::move(reply).error().in_context("registering at the CA " + options.name);
    if (reply->problem) return to_error(*reply->problem, "registering at the CA " + options.name);
    // RFC 8555 section 7.1.2: deactivated and revoked accounts stay so.
    if (reply->document["status"].as_string().value_or("valid") != "valid")
        return Error(ErrorCode::auth_failed, fmt::format("the CA {} has closed our account", options.name));
    if (!reply->location.starts_with("https://")) return Error(ErrorCode::protocol, "the CA did not name our account", Retry::transient());
    return reply->location;
}

// False: the CA does not know the account (any more).
Result<bool> tell_contacts(AcmeSession& session, const AcmeAccount& account, const AccountOptions& options) {
    auto reply = session.post(account.url, account.key, account.url, Json::object({{"contact", contacts_of(options)}}).dump());
    if (!reply) return std::move(reply).error().in_context("telling the CA our contacts");
    if (reply->problem && reply->problem->type == "accountDoesNotExist") return false;
    if (reply->problem) return to_error(*reply->problem, "telling the CA our contacts");
    return true;
}

Status keep(Journal& journal, const std::string& url, const AccountOptions& options) {
    return journal.put(kKind, id_of(options.directory), Json::object({{"url", url}, {"directory", options.directory}, {"contact", contacts_of(options)}}));
}

} // namespace

Result<AcmeAccount> open_account(AcmeSession& session, Journal& journal, const AccountOptions& options) {
    auto directory = session.directory();
    if (!directory) return std::move(directory).error();
    auto known = journal.get(kKind, id_of(options.directory));
    // Before a key is made: without the terms there will be no account.
    if (!known)
        if (Status agreed = check_terms(*directory, options); !agreed) return std::move(agreed).error();
    auto key = open_key(journal, id_of(options.directory));
    if (!key) return std::move(key).error();
    if (known) {
        AcmeAccount account{*std::move(key), (*known)["url"].as_string().value_or("")};
        if ((*known)["contact"].dump() == contacts_of(options).dump()) return account;
        auto told = tell_contacts(session, account, options);
        if (!told) return std::move(told).error();
        if (*told) {
            if (Status kept = keep(journal, account.url, options); !kept) return std::move(kept).error();
            return account;
        }
        key = std::move(account.key); // registered anew with the same one
    }
    auto url = register_account(session, *key, options);
    if (!url) return std::move(url).error();
    if (Status kept = keep(journal, *url, options); !kept) return std::move(kept).error();
    return AcmeAccount{*std::move(key), *url};
}

Status forget_account(Journal& journal, const std::string& directory) { return journal.remove(kKind, id_of(directory)); }

} // namespace mxseal::agent
