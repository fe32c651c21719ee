#include "agent/store/checks.hpp"
#include "agent/store/sqlite_tables.hpp"

#include <algorithm>
#include <limits>

#include <SQLiteCpp/SQLiteCpp.h>
#include <fmt/format.h>

namespace mxseal::agent::sqlite {

namespace {

void write_host(SQLite::Database& database, const Commit::Host& host) {
    SQLite::Statement row(database, "INSERT INTO hosts (name, due_ms, summary) VALUES (?, ?, ?) "
                                    "ON CONFLICT (name) DO UPDATE SET due_ms = excluded.due_ms, summary = excluded.summary");
    row.bind(1, host.name);
    if (host.due) row.bind(2, to_unix_ms(*host.due));
    row.bind(3, host.summary);
    row.exec();
    SQLite::Statement document(database, "INSERT INTO host_documents (name, document) VALUES (?, ?) "
                                         "ON CONFLICT (name) DO UPDATE SET document = excluded.document");
    document.bind(1, host.name);
    document.bind(2, host.document);
    document.exec();
}

void append_log(SQLite::Database& database, const LogEntry& entry) {
    SQLite::Statement statement(database, "INSERT INTO log (at_ms, host, event, fields, sentence) VALUES (?, ?, ?, ?, ?)");
    statement.bind(1, to_unix_ms(entry.at));
    statement.bind(2, entry.host);
    statement.bind(3, entry.event);
    statement.bind(4, entry.fields.dump());
    statement.bind(5, entry.sentence);
    statement.exec();
}

void remove_request(SQLite::Database& database, std::int64_t id) {
    SQLite::Statement statement(database, "DELETE FROM requests WHERE id = ?");
    statement.bind(1, id);
    statement.exec();
}

Result<LogEntry> log_entry(SQLite::Statement& row) {
    LogEntry entry;
    entry.id = row.getColumn(0).getInt64();
    entry.at = from_unix_ms(row.getColumn(1).getInt64());
    entry.host = row.getColumn(2).getString();
    entry.event = row.getColumn(3).getString();
    auto fields = parse_stored(row.getColumn(4).getString(), fmt::format("log entry {}", entry.id));
    if (!fields) return std::move(fields).error();
    entry.fields = std::move(fields).value();
    entry.sentence = row.getColumn(5).getString();
    return entry;
}

std::int64_t bounded(std::size_t limit) {
    return static_cast<std::int64_t>(std::min<std::size_t>(limit, std::numeric_limits<std::int32_t>::max()));
}

} // namespace

Result<Json> parse_stored(const std::string& text, const std::string& what) {
    auto parsed = Json::parse(text);
    if (parsed) return parsed;
    return Error(ErrorCode::io, fmt::format("the stored {} is damaged ({}); restore a backup of the state folder", what, parsed.error().message()));
}

std::string lease_holder(SQLite::Database& database) { return database.execAndGet("SELECT holder FROM lease").getString(); }

FencingToken raise_token(SQLite::Database& database, const std::string& holder) {
    SQLite::Statement statement(database, "UPDATE lease SET token = token + 1, holder = ?");
    statement.bind(1, holder);
    statement.exec();
    return FencingToken{database.execAndGet("SELECT token FROM lease").getInt64()};
}

Status check_token(SQLite::Database& database, const FencingToken& token) {
    SQLite::Statement statement(database, "SELECT token, holder FROM lease");
    statement.executeStep();
    std::int64_t now = statement.getColumn(0).getInt64();
    if (now == token.value && now > 0) return done();
    return lease_lost(token, now, statement.getColumn(1).getString());
}

Result<std::vector<HostRow>> load_hosts(SQLite::Database& database) {
    std::vector<HostRow> hosts;
    SQLite::Statement row(database, "SELECT name, due_ms, summary FROM hosts ORDER BY name");
    while (row.executeStep()) {
        HostRow host;
        host.name = row.getColumn(0).getString();
        if (!row.getColumn(1).isNull()) host.due = from_unix_ms(row.getColumn(1).getInt64());
        auto summary = parse_stored(row.getColumn(2).getString(), "summary of host " + host.name);
        if (!summary) return std::move(summary).error();
        host.summary = std::move(summary).value();
        hosts.push_back(std::move(host));
    }
    return hosts;
}

Result<std::optional<Json>> load_host(SQLite::Database& database, const std::string& name) {
    SQLite::Statement row(database, "SELECT document FROM host_documents WHERE name = ?");
    row.bind(1, name);
    if (!row.executeStep()) return std::optional<Json>();
    auto document = parse_stored(row.getColumn(0).getString(), "state of host " + name);
    if (!document) return std::move(document).error();
    return std::optional<Json>(std::move(document).value());
}

void write_commit(SQLite::Database& database, const Commit& commit) {
    for (const Commit::Host& host : commit.hosts) write_host(database, host);
    for (const LogEntry& entry : commit.log) append_log(database, entry);
    for (std::int64_t id : commit.consumed_requests) remove_request(database, id);
    write_sites(database, commit.sites);
    write_pairs(database, commit.pairs);
    remove_sites(database, commit.gone_sites);
    write_policies(database, commit.policies);
    remove_policies(database, commit.gone_policies);
    for (const auto& [name, fact] : commit.facts) put_document(database, "agent", name, fact);
}

Result<std::int64_t> add_request(SQLite::Database& database, Instant at, const Json& body) {
    if (database.execAndGet("SELECT count(*) FROM requests").getInt64() >= static_cast<std::int64_t>(kPendingRequestsMax)) return too_many_requests();
    SQLite::Statement statement(database, "INSERT INTO requests (at_ms, body) VALUES (?, ?)");
    statement.bind(1, to_unix_ms(at));
    statement.bind(2, body.dump());
    statement.exec();
    return static_cast<std::int64_t>(database.getLastInsertRowid());
}

Result<std::vector<StoredRequest>> pending_requests(SQLite::Database& database) {
    std::vector<StoredRequest> requests;
    SQLite::Statement row(database, "SELECT id, at_ms, body FROM requests ORDER BY id");
    while (row.executeStep()) {
        StoredRequest request{row.getColumn(0).getInt64(), from_unix_ms(row.getColumn(1).getInt64()), Json()};
        auto body = parse_stored(row.getColumn(2).getString(), fmt::format("request {}", request.id));
        if (!body) return std::move(body).error();
        request.body = std::move(body).value();
        requests.push_back(std::move(request));
    }
    return requests;
}

Result<std::vector<LogEntry>> read_log(SQLite::Database& database, const LogFilter& filter) {
    SQLite::Statement row(database, filter.host.empty()
                                        ? "SELECT id, at_ms, host, event, fields, sentence FROM log WHERE id > ? ORDER BY id DESC LIMIT ?"
                                        : "SELECT id, at_ms, host, event, fields, sentence FROM log WHERE id > ? AND host = ? ORDER BY id DESC LIMIT ?");
    int place = 1;
    row.bind(place++, filter.after_id);
    if (!filter.host.empty()) row.bind(place++, filter.host);
    row.bind(place, bounded(filter.limit));
    std::vector<LogEntry> entries;
    while (row.executeStep()) {
        auto entry = log_entry(row);
        if (!entry) return std::move(entry).error();
        entries.push_back(std::move(entry).value());
    }
    std::reverse(entries.begin(), entries.end());
    return entries;
}

} // namespace mxseal::agent::sqlite
