// The statements of the SQLite store, one function each. The caller holds the mutex and, for writes, the transaction.
// All of them throw SQLite::Exception, which stops in sqlite_store.cpp.
#pragma once

#include "agent/store/store.hpp"

namespace SQLite {
class Database;
}

namespace mxseal::agent::sqlite {

// sqlite_state.cpp: what the runtime decides with.
std::string lease_holder(SQLite::Database& database);
FencingToken raise_token(SQLite::Database& database, const std::string& holder);
Status check_token(SQLite::Database& database, const FencingToken& token);
Result<std::vector<HostRow>> load_hosts(SQLite::Database& database);
Result<std::optional<Json>> load_host(SQLite::Database& database, const std::string& name);
void write_commit(SQLite::Database& database, const Commit& commit);
Result<std::int64_t> add_request(SQLite::Database& database, Instant at, const Json& body);
Result<std::vector<StoredRequest>> pending_requests(SQLite::Database& database);
Result<std::vector<LogEntry>> read_log(SQLite::Database& database, const LogFilter& filter);

// sqlite_objects.cpp: what is kept under a name.
void put_key(SQLite::Database& database, const std::string& spki, std::string_view host, std::string_view algorithm, ByteView sealed);
std::optional<Bytes> get_key(SQLite::Database& database, const std::string& spki);
void put_chain(SQLite::Database& database, const std::string& spki, const std::string& pem);
std::optional<std::string> get_chain(SQLite::Database& database, const std::string& spki);
Result<std::optional<Json>> get_document(SQLite::Database& database, std::string_view kind, std::string_view id);
void put_document(SQLite::Database& database, std::string_view kind, std::string_view id, const Json& document);
void remove_document(SQLite::Database& database, std::string_view kind, std::string_view id);
Result<std::vector<std::pair<std::string, Json>>> list_documents(SQLite::Database& database, std::string_view kind);
void put_blob(SQLite::Database& database, std::string_view kind, std::string_view id, ByteView blob);
std::optional<Bytes> get_blob(SQLite::Database& database, std::string_view kind, std::string_view id);

// sqlite_domains.cpp: mail domains and their endpoint names.
void put_domains(SQLite::Database& database, const std::vector<DomainRow>& rows);
DomainChanges domains_since(SQLite::Database& database, std::int64_t version);
std::vector<SiteRow> load_sites(SQLite::Database& database);
void write_sites(SQLite::Database& database, const std::vector<SiteRow>& sites);
void write_pairs(SQLite::Database& database, const std::vector<SitePair>& pairs);
void remove_sites(SQLite::Database& database, const std::vector<std::string>& domains);
Result<std::optional<SitePair>> load_pair(SQLite::Database& database, const std::string& domain);
std::vector<PolicyRow> load_policies(SQLite::Database& database);
Result<std::optional<Json>> load_policy(SQLite::Database& database, const std::string& domain);
void write_policies(SQLite::Database& database, const std::vector<Commit::Policy>& policies);
void remove_policies(SQLite::Database& database, const std::vector<std::string>& domains);
Result<std::vector<ServedSite>> served_sites(SQLite::Database& database, const std::string& after, std::size_t limit);

// The JSON of a stored text; `io` naming `what` when somebody damaged it.
Result<Json> parse_stored(const std::string& text, const std::string& what);

} // namespace mxseal::agent::sqlite
