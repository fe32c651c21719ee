#include "agent/store/sqlite_tables.hpp"

#include <SQLiteCpp/SQLiteCpp.h>
#include <fmt/format.h>

namespace mxseal::agent::sqlite {

namespace {

void bind_text(SQLite::Statement& statement, int place, std::string_view text) { statement.bind(place, std::string(text)); }

void bind_bytes(SQLite::Statement& statement, int place, ByteView bytes) {
    // An empty vector's data() may be null, which SQLite would store as NULL.
    static constexpr char kNothing = 0;
    statement.bind(place, bytes.empty() ? static_cast<const void*>(&kNothing) : bytes.data(), static_cast<int>(bytes.size()));
}

Bytes bytes_of(const SQLite::Column& column) {
    const auto* octets = static_cast<const std::uint8_t*>(column.getBlob());
    return octets == nullptr ? Bytes() : Bytes(octets, octets + column.getBytes());
}

} // namespace

void put_key(SQLite::Database& database, const std::string& spki, std::string_view host, std::string_view algorithm, ByteView sealed) {
    // The same key sealed again has another nonce, so the texts differ; the first one stays.
    SQLite::Statement statement(database, "INSERT INTO keys (spki, host, algorithm, sealed) VALUES (?, ?, ?, ?) ON CONFLICT (spki) DO NOTHING");
    statement.bind(1, spki);
    bind_text(statement, 2, host);
    bind_text(statement, 3, algorithm);
    bind_bytes(statement, 4, sealed);
    statement.exec();
}

std::optional<Bytes> get_key(SQLite::Database& database, const std::string& spki) {
    SQLite::Statement row(database, "SELECT sealed FROM keys WHERE spki = ?");
    row.bind(1, spki);
    if (!row.executeStep()) return std::nullopt;
    return bytes_of(row.getColumn(0));
}

void put_chain(SQLite::Database& database, const std::string& spki, const std::string& pem) {
    SQLite::Statement statement(database, "INSERT INTO chains (spki, pem) VALUES (?, ?) ON CONFLICT (spki) DO UPDATE SET pem = excluded.pem");
    statement.bind(1, spki);
    statement.bind(2, pem);
    statement.exec();
}

std::optional<std::string> get_chain(SQLite::Database& database, const std::string& spki) {
    SQLite::Statement row(database, "SELECT pem FROM chains WHERE spki = ?");
    row.bind(1, spki);
    if (!row.executeStep()) return std::nullopt;
    return row.getColumn(0).getString();
}

Result<std::optional<Json>> get_document(SQLite::Database& database, std::string_view kind, std::string_view id) {
    SQLite::Statement row(database, "SELECT document FROM documents WHERE kind = ? AND id = ?");
    bind_text(row, 1, kind);
    bind_text(row, 2, id);
    if (!row.executeStep()) return std::optional<Json>();
    auto document = parse_stored(row.getColumn(0).getString(), fmt::format("document {} {}", kind, id));
    if (!document) return std::move(document).error();
    return std::optional<Json>(std::move(document).value());
}

void put_document(SQLite::Database& database, std::string_view kind, std::string_view id, const Json& document) {
    SQLite::Statement statement(database, "INSERT INTO documents (kind, id, document) VALUES (?, ?, ?) "
                                          "ON CONFLICT (kind, id) DO UPDATE SET document = excluded.document");
    bind_text(statement, 1, kind);
    bind_text(statement, 2, id);
    statement.bind(3, document.dump());
    statement.exec();
}

void remove_document(SQLite::Database& database, std::string_view kind, std::string_view id) {
    SQLite::Statement statement(database, "DELETE FROM documents WHERE kind = ? AND id = ?");
    bind_text(statement, 1, kind);
    bind_text(statement, 2, id);
    statement.exec();
}

Result<std::vector<std::pair<std::string, Json>>> list_documents(SQLite::Database& database, std::string_view kind) {
    std::vector<std::pair<std::string, Json>> documents;
    SQLite::Statement row(database, "SELECT id, document FROM documents WHERE kind = ? ORDER BY id");
    bind_text(row, 1, kind);
    while (row.executeStep()) {
        std::string id = row.getColumn(0).getString();
        auto document = parse_stored(row.getColumn(1).getString(), fmt::format("document {} {}", kind, id));
        if (!document) return std::move(document).error();
        documents.emplace_back(std::move(id), std::move(document).value());
    }
    return documents;
}

void put_blob(SQLite::Database& database, std::string_view kind, std::string_view id, ByteView blob) {
    SQLite::Statement statement(database, "INSERT INTO blobs (kind, id, blob) VALUES (?, ?, ?) ON CONFLICT (kind, id) DO UPDATE SET blob = excluded.blob");
    bind_text(statement, 1, kind);
    bind_text(statement, 2, id);
    bind_bytes(statement, 3, blob);
    statement.exec();
}

std::optional<Bytes> get_blob(SQLite::Database& database, std::string_view kind, std::string_view id) {
    SQLite::Statement row(database, "SELECT blob FROM blobs WHERE kind = ? AND id = ?");
    bind_text(row, 1, kind);
    bind_text(row, 2, id);
    if (!row.executeStep()) return std::nullopt;
    return bytes_of(row.getColumn(0));
}

} // namespace mxseal::agent::sqlite
