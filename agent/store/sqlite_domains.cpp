// The tables of mail domains and their endpoint names.
#include "agent/store/sqlite_tables.hpp"

#include <algorithm>

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
    SQLite::Statement row(database, "SELECT domain, certificate, not_before_ms, not_after_ms, failures, again_ms, trouble, body FROM sites ORDER BY domain");
    while (row.executeStep()) {
        SiteRow site;
        site.domain = row.getColumn(0).getString();
        site.certificate = row.getColumn(1).getString();
        site.not_before = instant_of(row.getColumn(2));
        site.not_after = instant_of(row.getColumn(3));
        site.failures = static_cast<unsigned>(row.getColumn(4).getInt());
        site.again = instant_of(row.getColumn(5));
        site.trouble = row.getColumn(6).getString();
        site.body = row.getColumn(7).getString();
        sites.push_back(std::move(site));
    }
    return sites;
}

void write_sites(SQLite::Database& database, const std::vector<SiteRow>& sites) {
    if (sites.empty()) return;
    SQLite::Statement statement(database, "INSERT INTO sites (domain, certificate, not_before_ms, not_after_ms, failures, again_ms, trouble, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?) "
                                          "ON CONFLICT (domain) DO UPDATE SET certificate = excluded.certificate, not_before_ms = excluded.not_before_ms, not_after_ms = excluded.not_after_ms, "
                                          "failures = excluded.failures, again_ms = excluded.again_ms, trouble = excluded.trouble, body = excluded.body");
    for (const SiteRow& site : sites) {
        statement.bind(1, site.domain);
        statement.bind(2, site.certificate);
        bind_instant(statement, 3, site.not_before);
        bind_instant(statement, 4, site.not_after);
        statement.bind(5, static_cast<int>(site.failures));
        bind_instant(statement, 6, site.again);
        statement.bind(7, site.trouble);
        statement.bind(8, site.body);
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

namespace {

// Each statement has one parameter, the domain.
void run_for_each(SQLite::Database& database, std::initializer_list<const char*> statements, const std::vector<std::string>& domains) {
    if (domains.empty()) return;
    for (const char* sql : statements) {
        SQLite::Statement statement(database, sql);
        for (const std::string& domain : domains) {
            statement.bind(1, domain);
            statement.exec();
            statement.reset();
        }
    }
}

// Host names have no space in them.
std::string joined(const std::vector<std::string>& hosts) {
    std::string out;
    for (const std::string& host : hosts) out += (out.empty() ? "" : " ") + host;
    return out;
}

std::vector<std::string> split(const std::string& text) {
    std::vector<std::string> hosts;
    for (std::size_t at = 0; at < text.size();) {
        const auto end = std::min(text.find(' ', at), text.size());
        hosts.push_back(text.substr(at, end - at));
        at = end + 1;
    }
    return hosts;
}

} // namespace

void remove_sites(SQLite::Database& database, const std::vector<std::string>& domains) {
    run_for_each(database, {"DELETE FROM sites WHERE domain = ?", "DELETE FROM site_pairs WHERE domain = ?"}, domains);
}

std::vector<PolicyRow> load_policies(SQLite::Database& database) {
    std::vector<PolicyRow> policies;
    SQLite::Statement row(database, "SELECT domain, at_rest, mx_goal, wanted FROM policies ORDER BY domain");
    while (row.executeStep()) policies.push_back({row.getColumn(0).getString(), row.getColumn(1).getInt() != 0, split(row.getColumn(2).getString()), row.getColumn(3).getString()});
    return policies;
}

Result<std::optional<Json>> load_policy(SQLite::Database& database, const std::string& domain) {
    SQLite::Statement row(database, "SELECT document FROM policy_documents WHERE domain = ?");
    row.bind(1, domain);
    if (!row.executeStep()) return std::optional<Json>();
    auto document = parse_stored(row.getColumn(0).getString(), "the policy of " + domain);
    if (!document) return std::move(document).error();
    return std::optional<Json>(std::move(*document));
}

void write_policies(SQLite::Database& database, const std::vector<Commit::Policy>& policies) {
    if (policies.empty()) return;
    SQLite::Statement row(database, "INSERT INTO policies (domain, at_rest, mx_goal, wanted) VALUES (?, ?, ?, ?) "
                                    "ON CONFLICT (domain) DO UPDATE SET at_rest = excluded.at_rest, mx_goal = excluded.mx_goal, wanted = excluded.wanted");
    SQLite::Statement document(database, "INSERT INTO policy_documents (domain, document) VALUES (?, ?) ON CONFLICT (domain) DO UPDATE SET document = excluded.document");
    for (const Commit::Policy& policy : policies) {
        row.bind(1, policy.row.domain);
        row.bind(2, policy.row.at_rest ? 1 : 0);
        row.bind(3, joined(policy.row.mx_goal));
        row.bind(4, policy.row.wanted);
        row.exec();
        row.reset();
        document.bind(1, policy.row.domain);
        document.bind(2, policy.document);
        document.exec();
        document.reset();
    }
}

void remove_policies(SQLite::Database& database, const std::vector<std::string>& domains) {
    run_for_each(database, {"DELETE FROM policies WHERE domain = ?", "DELETE FROM policy_documents WHERE domain = ?"}, domains);
}

namespace {

// Columns from `first` on: sealed, leaf, certificates.
Result<SitePair> pair_of(SQLite::Statement& row, const std::string& domain, int first) {
    auto issuers = unpacked(bytes_of(row.getColumn(first + 2)), domain);
    if (!issuers) return std::move(issuers).error();
    return SitePair{domain, bytes_of(row.getColumn(first)), bytes_of(row.getColumn(first + 1)), std::move(*issuers)};
}

} // namespace

Result<std::optional<SitePair>> load_pair(SQLite::Database& database, const std::string& domain) {
    SQLite::Statement row(database, "SELECT sealed, leaf, certificates FROM site_pairs LEFT JOIN site_issuers ON digest = issuers WHERE domain = ?");
    row.bind(1, domain);
    if (!row.executeStep()) return std::optional<SitePair>();
    auto pair = pair_of(row, domain, 0);
    if (!pair) return std::move(pair).error();
    return std::optional<SitePair>(std::move(*pair));
}

Result<std::vector<ServedSite>> served_sites(SQLite::Database& database, const std::string& after, std::size_t limit) {
    std::vector<ServedSite> sites;
    SQLite::Statement row(database, "SELECT sites.domain, body, sealed, leaf, certificates FROM sites JOIN site_pairs USING (domain) LEFT JOIN site_issuers ON digest = issuers "
                                    "WHERE sites.domain > ? AND body <> '' ORDER BY sites.domain LIMIT ?");
    row.bind(1, after);
    row.bind(2, static_cast<std::int64_t>(limit));
    while (row.executeStep()) {
        auto pair = pair_of(row, row.getColumn(0).getString(), 2);
        if (!pair) return std::move(pair).error();
        sites.push_back({row.getColumn(1).getString(), std::move(*pair)});
    }
    return sites;
}

} // namespace mxseal::agent::sqlite
