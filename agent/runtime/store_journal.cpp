#include "agent/runtime/store_journal.hpp"

#include <fmt/format.h>

namespace mxseal::agent {

namespace {

// The place a sealed secret is bound to: it does not open anywhere else.
std::string place(std::string_view kind, std::string_view id) { return fmt::format("journal/{}/{}", kind, id); }

} // namespace

std::optional<Json> StoreJournal::get(std::string_view kind, std::string_view id) {
    auto document = store_.get_document(kind, id);
    return document.ok() ? *document : std::nullopt;
}

Status StoreJournal::put(std::string_view kind, std::string_view id, const Json& document) { return store_.put_document(kind, id, document); }

Status StoreJournal::remove(std::string_view kind, std::string_view id) { return store_.remove_document(kind, id); }

std::optional<Secret> StoreJournal::get_secret(std::string_view kind, std::string_view id) {
    auto blob = store_.get_blob(kind, id);
    if (!blob.ok() || !*blob) return std::nullopt;
    auto secret = sealer_.open(**blob, place(kind, id));
    if (!secret.ok()) return std::nullopt;
    return std::move(*secret);
}

Status StoreJournal::put_secret(std::string_view kind, std::string_view id, const Secret& secret) {
    return store_.put_blob(kind, id, sealer_.seal(secret.reveal(), place(kind, id)));
}

} // namespace mxseal::agent
