// The tables of mail domains and their endpoint names.
#include "agent/store/sqlite_tables.hpp"

#include <SQLiteCpp/SQLiteCpp.h>
#include <fmt/format.h>

namespace mxseal::agent::sqlite {

namespace {

void bind_bytes(SQLite::Statement& statement, int place, const Bytes& bytes) { statement.bind(place, bytes.data(), static_cast<int>(bytes.size())); }

Bytes bytes_of(const SQLite::Column& column) {
    const auto* octets = static_cast<const std::uint8_t*>(column.getBlob());
    return octets == nullptr ? Bytes() : Bytes(octets, octets + column.getBytes());
}

void bind_instant(SQLite::Statement& statement, int place, const std::optional<Instant>& instant) {
    if (instant)
        statement.bind(place, to_unix_ms(*instant));
    else
        statement.bind(place);
}

std::optional<Instant> instant_of(const SQLite::Column& column) {
    return column.isNull() ? std::nullopt : std::optional(from_unix_ms(column.getInt64()));
}

// u32 length, big endian, and the certificate, each.
Bytes packed(const std::vector<Bytes>& certificates) {
    Bytes out;
    for (const Bytes& certificate : certificates) {
        for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<std::uint8_t>(certificate.size() >> shift));
        out.insert(out.end(), certificate.begin(), certificate.end());
    }
    return out;
}

Result<std::vector<Bytes>> unpacked(const Bytes& octets, const std::string& domain) {
    std::vector<Bytes> certificates;
    for (std::size_t at = 0; at < octets.size();) {
        std::size_t size = 0;
        const bool whole = octets.size() - at >= 4;
        for (int i = 0; whole && i < 4; ++i) size = size << 8 | octets[at + static_cast<std::size_t>(i)];
        if (!whole || size > octets.size() - at - 4)
            return Error(ErrorCode::io, fmt::format("the stored chain of {} is damaged; restore a backup of the state folder", domain));
        const auto begin = octets.begin() + static_cast<std::ptrdiff_t>(at + 4);
        certificates.emplace_back(begin, begin + static_cast<std::ptrdiff_t>(size));
        at += 4 + size;
    }
    return certificates;
}

DomainRow domain_of(SQLite::Statement& row) {
    return {row.getColumn(0).getString(), row.getColumn(1).getString(), from_unix_ms(row.getColumn(2).getInt64()), row.getColumn(3).getString(), row.getColumn(4).getInt() != 0};
}

} // namespace

void put_domains(SQLite::Database& database, const std::vector<DomainRow>& rows) {
    database.exec("UPDATE domains_version SET version = version + 1");
    SQLite::Statement statement(database, "INSERT INTO domains (name, profile, changed_ms, who, removed, version) VALUES (?, ?, ?, ?, ?, (SELECT version FROM domains_version)) "
                                          "ON CONFLICT (name) DO UPDATE SET profile = excluded.profile, changed_ms = excluded.changed_ms, who = excluded.who, "
                                          "removed = excluded.removed, version = excluded.version");
    for (const DomainRow& row : rows) {
        statement.bind(1, row.name);
        statement.bind(2, row.profile);
        statement.bind(3, to_unix_ms(row.changed_at));
        statement.bind(4, row.who);
        statement.bind(5, row.removed ? 1 : 0);
        statement.exec();
        statement.reset();
    }
}

DomainChanges domains_since(SQLite::Database& database, std::int64_t version) {
    DomainChanges changes;
    // The version is read first: what is added in between is of a later one, and comes again.
    changes.version = database.execAndGet("SELECT version FROM domains_version").getInt64();
    if (changes.version == version) return changes;
    SQLite::Statement row(database, "SELECT name, profile, changed_ms, who, removed FROM domains WHERE version > ? AND version <= ? ORDER BY name");
    row.bind(1, version);
    row.bind(2, changes.version);
    while (row.executeStep()) changes.rows.push_back(domain_of(row));
    return changes;
}

std::vector<SiteRow> load_sites(SQLite::Database& database) {
    std::vector<SiteRow> sites;
    SQLite::Statement row(database, "SELECT domain, certificate, not_before_ms, not_after_ms, failures, again_ms, trouble, mx, body FROM sites ORDER BY domain");
    while (row.executeStep()) {
        SiteRow site;
        site.domain = row.getColumn(0).getString();
        site.certificate = row.getColumn(1).getString();
        site.not_before = instant_of(row.getColumn(2));
        site.not_after = instant_of(row.getColumn(3));
        site.failures = static_cast<unsigned>(row.getColumn(4).getInt());
        site.again = instant_of(row.getColumn(5));
        site.trouble = row.getColumn(6).getString();
        if (!row.getColumn(7).isNull()) site.mx = row.getColumn(7).getString();
        site.body = row.getColumn(8).getString();
        sites.push_back(std::move(site));
    }
    return sites;
}

void write_sites(SQLite::Database& database, const std::vector<SiteRow>& sites) {
    if (sites.empty()) return;
    SQLite::Statement statement(database, "INSERT INTO sites (domain, certificate, not_before_ms, not_after_ms, failures, again_ms, trouble, mx, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) "
                                          "ON CONFLICT (domain) DO UPDATE SET certificate = excluded.certificate, not_before_ms = excluded.not_before_ms, not_after_ms = excluded.not_after_ms, "
                                          "failures = excluded.failures, again_ms = excluded.again_ms, trouble = excluded.trouble, mx = excluded.mx, body = excluded.body");
    for (const SiteRow& site : sites) {
        statement.bind(1, site.domain);
        statement.bind(2, site.certificate);
        bind_instant(statement, 3, site.not_before);
        bind_instant(statement, 4, site.not_after);
        statement.bind(5, static_cast<int>(site.failures));
        bind_instant(statement, 6, site.again);
        statement.bind(7, site.trouble);
        if (site.mx)
            statement.bind(8, *site.mx);
        else
            statement.bind(8);
        statement.bind(9, site.body);
        statement.exec();
        statement.reset();
    }
}

void write_pairs(SQLite::Database& database, const std::vector<SitePair>& pairs) {
    if (pairs.empty()) return;
    SQLite::Statement set(database, "INSERT INTO site_issuers (digest, certificates) VALUES (?, ?) ON CONFLICT (digest) DO NOTHING");
    SQLite::Statement statement(database, "INSERT INTO site_pairs (domain, sealed, leaf, issuers) VALUES (?, ?, ?, ?) "
                                          "ON CONFLICT (domain) DO UPDATE SET sealed = excluded.sealed, leaf = excluded.leaf, issuers = excluded.issuers");
    for (const SitePair& pair : pairs) {
        const Bytes issuers = packed(pair.issuers);
        const std::string digest = issuers.empty() ? "" : to_hex(sha256(issuers));
        if (!issuers.empty()) {
            set.bind(1, digest);
            bind_bytes(set, 2, issuers);
            set.exec();
            set.reset();
        }
        statement.bind(1, pair.domain);
        bind_bytes(statement, 2, pair.sealed);
        bind_bytes(statement, 3, pair.leaf);
        statement.bind(4, digest);
        statement.exec();
        statement.reset();
    }
}

void remove_sites(SQLite::Database& database, const std::vector<std::string>& domains) {
    for (const char* sql : {"DELETE FROM sites WHERE domain = ?", "DELETE FROM site_pairs WHERE domain = ?"}) {
        if (domains.empty()) return;
        SQLite::Statement statement(database, sql);
        for (const std::string& domain : domains) {
            statement.bind(1, domain);
            statement.exec();
            statement.reset();
        }
    }
}

Result<std::vector<ServedSite>> served_sites(SQLite::Database& database, const std::string& after, std::size_t limit) {
    std::vector<ServedSite> sites;
    SQLite::Statement row(database, "SELECT sites.domain, body, sealed, leaf, certificates FROM sites JOIN site_pairs USING (domain) LEFT JOIN site_issuers ON digest = issuers "
                                    "WHERE sites.domain > ? AND body <> '' ORDER BY sites.domain LIMIT ?");
    row.bind(1, after);
    row.bind(2, static_cast<std::int64_t>(limit));
    while (row.executeStep()) {
        ServedSite site;
        site.pair.domain = row.getColumn(0).getString();
        site.body = row.getColumn(1).getString();
        site.pair.sealed = bytes_of(row.getColumn(2));
        site.pair.leaf = bytes_of(row.getColumn(3));
        auto issuers = unpacked(bytes_of(row.getColumn(4)), site.pair.domain);
        if (!issuers) return std::move(issuers).error();
        site.pair.issuers = std::move(*issuers);
        sites.push_back(std::move(site));
    }
    return sites;
}

} // namespace mxseal::agent::sqlite
