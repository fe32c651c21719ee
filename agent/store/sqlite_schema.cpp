#include "agent/store/sqlite_schema.hpp"

#include <array>

#include <SQLiteCpp/SQLiteCpp.h>
#include <fmt/format.h>

namespace mxseal::agent::sqlite {

namespace {

// "mxse": sqlite.org/fileformat2.html section 1.3.20, application id.
constexpr int kApplicationId = 0x6d787365;

constexpr std::array<Migration, 3> kMigrations{{
    {1, "hosts, keys, documents, requests, log", R"sql(
CREATE TABLE lease (one INTEGER PRIMARY KEY CHECK (one = 1), token INTEGER NOT NULL, holder TEXT NOT NULL);
INSERT INTO lease (one, token, holder) VALUES (1, 0, '');

-- Documents stand apart, so that reading every host's row reads no page of theirs.
CREATE TABLE hosts (name TEXT NOT NULL PRIMARY KEY, due_ms INTEGER, summary TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE host_documents (name TEXT NOT NULL PRIMARY KEY, document TEXT NOT NULL);

CREATE TABLE keys (spki TEXT NOT NULL PRIMARY KEY, host TEXT NOT NULL, algorithm TEXT NOT NULL, sealed BLOB NOT NULL);
CREATE TRIGGER keys_stay BEFORE DELETE ON keys BEGIN SELECT RAISE(ABORT, 'keys are never deleted'); END;
CREATE TRIGGER keys_stay_as_they_are BEFORE UPDATE ON keys BEGIN SELECT RAISE(ABORT, 'keys are never overwritten'); END;
CREATE TABLE chains (spki TEXT NOT NULL PRIMARY KEY, pem TEXT NOT NULL);

CREATE TABLE documents (kind TEXT NOT NULL, id TEXT NOT NULL, document TEXT NOT NULL, PRIMARY KEY (kind, id));
CREATE TABLE blobs (kind TEXT NOT NULL, id TEXT NOT NULL, blob BLOB NOT NULL, PRIMARY KEY (kind, id));

CREATE TABLE requests (id INTEGER PRIMARY KEY AUTOINCREMENT, at_ms INTEGER NOT NULL, body TEXT NOT NULL);

CREATE TABLE log (id INTEGER PRIMARY KEY AUTOINCREMENT, at_ms INTEGER NOT NULL, host TEXT NOT NULL, event TEXT NOT NULL,
                  fields TEXT NOT NULL, sentence TEXT NOT NULL);
CREATE INDEX log_of_host ON log (host, id);
-- G-11: the audit log is append-only.
CREATE TRIGGER log_stays BEFORE DELETE ON log BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;
CREATE TRIGGER log_stays_as_it_is BEFORE UPDATE ON log BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;
)sql"},
    {2, "mail domains, the names of the endpoint", R"sql(
CREATE TABLE domains_version (one INTEGER PRIMARY KEY CHECK (one = 1), version INTEGER NOT NULL);
INSERT INTO domains_version (one, version) VALUES (1, 0);
CREATE TABLE domains (name TEXT NOT NULL PRIMARY KEY, profile TEXT NOT NULL, changed_ms INTEGER NOT NULL, who TEXT NOT NULL, removed INTEGER NOT NULL,
                      version INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX domains_by_version ON domains (version);

-- Keys and certificates stand apart, so that reading every site's row reads no page of theirs; issuers once, however many share them.
CREATE TABLE sites (domain TEXT NOT NULL PRIMARY KEY, certificate TEXT NOT NULL, not_before_ms INTEGER, not_after_ms INTEGER, failures INTEGER NOT NULL,
                    again_ms INTEGER, trouble TEXT NOT NULL, mx TEXT, body TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE site_pairs (domain TEXT NOT NULL PRIMARY KEY, sealed BLOB NOT NULL, leaf BLOB NOT NULL, issuers TEXT NOT NULL);
CREATE TABLE site_issuers (digest TEXT NOT NULL PRIMARY KEY, certificates BLOB NOT NULL);
)sql"},
    {3, "what senders may hold of each domain's policy", R"sql(
ALTER TABLE sites DROP COLUMN mx;
CREATE TABLE policies (domain TEXT NOT NULL PRIMARY KEY, at_rest INTEGER NOT NULL, mx_goal TEXT NOT NULL, wanted TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE policy_documents (domain TEXT NOT NULL PRIMARY KEY, document TEXT NOT NULL);
)sql"},
}};

int number_of(SQLite::Database& database, const std::string& query) { return database.execAndGet(query).getInt(); }

bool is_fresh(SQLite::Database& database) { return number_of(database, "SELECT count(*) FROM sqlite_master") == 0; }

Status check_owner(SQLite::Database& database, const std::filesystem::path& file) {
    if (number_of(database, "PRAGMA application_id") == kApplicationId || is_fresh(database)) return done();
    return Error(ErrorCode::refused, fmt::format("{} is a database of another program; set `state:` to a folder of mxseal's own", file.string()));
}

int version_of(SQLite::Database& database) {
    if (!database.tableExists("schema_migrations")) return 0;
    return number_of(database, "SELECT coalesce(max(version), 0) FROM schema_migrations");
}

void carry_out(SQLite::Database& database, const Migration& step) {
    if (step.version == 1) {
        database.exec(fmt::format("PRAGMA application_id = {}", kApplicationId));
        database.exec("CREATE TABLE schema_migrations (version INTEGER PRIMARY KEY, what TEXT NOT NULL)");
    }
    database.exec(step.sql);
    SQLite::Statement record(database, "INSERT INTO schema_migrations (version, what) VALUES (?, ?)");
    record.bind(1, step.version);
    record.bind(2, step.what);
    record.exec();
}

} // namespace

std::span<const Migration> migrations() { return kMigrations; }

Status migrate(SQLite::Database& database, const std::filesystem::path& file, std::span<const Migration> steps) {
    for (const Migration& step : steps) {
        // Looked at without the write lock first: every start but the first only reads.
        if (version_of(database) >= step.version) continue;
        SQLite::Transaction transaction(database, SQLite::TransactionBehavior::IMMEDIATE);
        if (auto ours = check_owner(database, file); !ours) return ours;
        if (version_of(database) >= step.version) continue; // another process was faster
        carry_out(database, step);
        transaction.commit();
    }
    if (auto ours = check_owner(database, file); !ours) return ours;
    int version = version_of(database);
    int known = steps.empty() ? 0 : steps.back().version;
    if (version <= known) return done();
    return Error(ErrorCode::refused, fmt::format("{} has schema version {}, written by a newer mxseal; this one knows versions up to {}: "
                                                 "install the newer version again, or restore the backup from before its upgrade",
                                                 file.string(), version, known));
}

} // namespace mxseal::agent::sqlite
