#include "agent/store/sqlite_store.hpp"

#include "agent/store/checks.hpp"
#include "agent/store/lease_file.hpp"
#include "agent/store/sqlite_errors.hpp"
#include "agent/store/sqlite_schema.hpp"
#include "agent/store/sqlite_tables.hpp"
#include "agent/store/state_folder.hpp"
#include "base/file_descriptor.hpp"

#include <cerrno>
#include <cstring>
#include <mutex>
#include <utility>

#include <SQLiteCpp/SQLiteCpp.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>

namespace mxseal::agent {

namespace {

// Runs `work` and turns SQLite's exceptions into Errors: the one place where they stop.
template <class Work>
auto guarded(const std::filesystem::path& file, const std::string& doing, Work&& work) -> decltype(work()) {
    try {
        return work();
    } catch (const SQLite::Exception& failure) {
        return sqlite::explain(failure.getExtendedErrorCode(), failure.what(), doing, file);
    } catch (const std::bad_alloc&) {
        return Error(ErrorCode::io, fmt::format("{}: {}: there is no memory left", file.string(), doing), Retry::transient());
    }
}

class SqliteStore final : public Store {
public:
    SqliteStore(std::filesystem::path file, std::filesystem::path lease_file, std::unique_ptr<SQLite::Database> database)
        : file_(std::move(file)), lease_file_(std::move(lease_file)), database_(std::move(database)) {}

    Result<FencingToken> acquire_lease(const std::string& holder) override;
    Result<std::vector<HostRow>> load_hosts() override {
        return read("reading the hosts", [](auto& database) { return sqlite::load_hosts(database); });
    }
    Result<std::optional<Json>> load_host(const std::string& name) override {
        return read("reading host " + name, [&](auto& database) { return sqlite::load_host(database, name); });
    }
    Status commit(const FencingToken& token, const Commit& commit) override;

    Status put_key(const std::string& spki, std::string_view host, std::string_view algorithm, ByteView sealed) override {
        if (auto checked = check_key(spki, host, sealed); !checked) return checked;
        return write("storing key " + spki, [&](auto& database) { sqlite::put_key(database, spki, host, algorithm, sealed); });
    }
    Result<std::optional<Bytes>> get_key(const std::string& spki) override {
        return read("reading key " + spki, [&](auto& database) -> Result<std::optional<Bytes>> { return sqlite::get_key(database, spki); });
    }
    Status put_chain(const std::string& spki, const std::string& pem) override {
        if (auto checked = check_chain(spki, pem); !checked) return checked;
        return write("storing the chain of " + spki, [&](auto& database) { sqlite::put_chain(database, spki, pem); });
    }
    Result<std::optional<std::string>> get_chain(const std::string& spki) override {
        return read("reading the chain of " + spki,
                    [&](auto& database) -> Result<std::optional<std::string>> { return sqlite::get_chain(database, spki); });
    }

    Result<std::optional<Json>> get_document(std::string_view kind, std::string_view id) override {
        return read("reading a document", [&](auto& database) { return sqlite::get_document(database, kind, id); });
    }
    Status put_document(std::string_view kind, std::string_view id, const Json& document) override {
        if (auto checked = check_document_id(kind, id); !checked) return checked;
        return write("storing a document", [&](auto& database) { sqlite::put_document(database, kind, id, document); });
    }
    Status remove_document(std::string_view kind, std::string_view id) override {
        return write("removing a document", [&](auto& database) { sqlite::remove_document(database, kind, id); });
    }
    Result<std::vector<std::pair<std::string, Json>>> list_documents(std::string_view kind) override {
        return read("listing documents", [&](auto& database) { return sqlite::list_documents(database, kind); });
    }
    Status put_blob(std::string_view kind, std::string_view id, ByteView blob) override {
        if (auto checked = check_document_id(kind, id); !checked) return checked;
        return write("storing a sealed secret", [&](auto& database) { sqlite::put_blob(database, kind, id, blob); });
    }
    Result<std::optional<Bytes>> get_blob(std::string_view kind, std::string_view id) override {
        return read("reading a sealed secret", [&](auto& database) -> Result<std::optional<Bytes>> { return sqlite::get_blob(database, kind, id); });
    }

    Status put_domains(const std::vector<DomainRow>& rows) override {
        if (auto checked = check_domains(rows); !checked) return checked;
        return write("storing domains", [&](auto& database) { sqlite::put_domains(database, rows); });
    }
    Result<DomainChanges> domains_since(std::int64_t version) override {
        return read("reading the domains", [&](auto& database) -> Result<DomainChanges> { return sqlite::domains_since(database, version); });
    }
    Result<std::optional<SitePair>> load_pair(const std::string& domain) override {
        return read("reading a certificate", [&](auto& database) { return sqlite::load_pair(database, domain); });
    }
    Result<std::vector<PolicyRow>> load_policies() override {
        return read("reading the policies", [](auto& database) -> Result<std::vector<PolicyRow>> { return sqlite::load_policies(database); });
    }
    Result<std::optional<Json>> load_policy(const std::string& domain) override {
        return read("reading a policy", [&](auto& database) { return sqlite::load_policy(database, domain); });
    }
    Result<std::vector<SiteRow>> load_sites() override {
        return read("reading the sites", [](auto& database) -> Result<std::vector<SiteRow>> { return sqlite::load_sites(database); });
    }
    Result<std::vector<ServedSite>> served_sites(const std::string& after, std::size_t limit) override {
        return read("reading what is served", [&](auto& database) { return sqlite::served_sites(database, after, limit); });
    }

    Result<std::int64_t> add_request(Instant at, const Json& body) override;
    Result<std::vector<StoredRequest>> pending_requests() override {
        return read("reading the requests", [](auto& database) { return sqlite::pending_requests(database); });
    }
    Result<std::vector<LogEntry>> read_log(const LogFilter& filter) override {
        return read("reading the log", [&](auto& database) { return sqlite::read_log(database, filter); });
    }

private:
    // Each read is one SELECT, so it sees one state without a transaction of its own.
    template <class Work>
    auto read(const std::string& doing, Work&& work) -> decltype(work(std::declval<SQLite::Database&>())) {
        std::lock_guard lock(mutex_);
        return guarded(file_, doing, [&] { return work(*database_); });
    }
    // IMMEDIATE: the write lock is taken before anything is read, so that waiting for it can never fail half-way.
    template <class Work>
    Status write(const std::string& doing, Work&& work) {
        std::lock_guard lock(mutex_);
        return guarded(file_, doing, [&]() -> Status {
            SQLite::Transaction transaction(*database_, SQLite::TransactionBehavior::IMMEDIATE);
            work(*database_);
            transaction.commit();
            return done();
        });
    }

    std::filesystem::path file_, lease_file_;
    std::mutex mutex_; // one connection, used by one thread at a time
    std::unique_ptr<SQLite::Database> database_;
    std::optional<LeaseFile> lease_;
};

Result<FencingToken> SqliteStore::acquire_lease(const std::string& holder) {
    std::lock_guard lock(mutex_);
    return guarded(file_, "taking the lease", [&]() -> Result<FencingToken> {
        if (!lease_) {
            auto taken = LeaseFile::acquire(lease_file_);
            if (!taken && taken.error().code() == ErrorCode::busy) return lease_held(sqlite::lease_holder(*database_));
            if (!taken) return std::move(taken).error();
            lease_.emplace(std::move(taken).value());
        }
        // F-15: the token rises each time, so a write of an earlier holder is refused whatever became of its flock.
        SQLite::Transaction transaction(*database_, SQLite::TransactionBehavior::IMMEDIATE);
        FencingToken token = sqlite::raise_token(*database_, holder);
        transaction.commit();
        return token;
    });
}

Status SqliteStore::commit(const FencingToken& token, const Commit& commit) {
    if (auto checked = check_commit(commit); !checked) return checked;
    std::lock_guard lock(mutex_);
    return guarded(file_, "storing a step", [&]() -> Status {
        SQLite::Transaction transaction(*database_, SQLite::TransactionBehavior::IMMEDIATE);
        if (auto ours = sqlite::check_token(*database_, token); !ours) return ours;
        sqlite::write_commit(*database_, commit);
        transaction.commit();
        return done();
    });
}

Result<std::int64_t> SqliteStore::add_request(Instant at, const Json& body) {
    std::lock_guard lock(mutex_);
    return guarded(file_, "storing a request", [&]() -> Result<std::int64_t> {
        SQLite::Transaction transaction(*database_, SQLite::TransactionBehavior::IMMEDIATE);
        auto id = sqlite::add_request(*database_, at, body);
        if (id) transaction.commit();
        return id;
    });
}

Status set_up(SQLite::Database& database, const std::filesystem::path& file) {
    if (database.execAndGet("PRAGMA journal_mode = WAL").getString() != "wal")
        return Error(ErrorCode::io, fmt::format("{}: its file system has no shared memory for SQLite's WAL; put the state folder on a local disk", file.string()));
    database.exec("PRAGMA synchronous = FULL");
    database.exec("PRAGMA journal_size_limit = 67108864"); // our choice: a log that once grew is cut to 64 MiB
    database.exec("PRAGMA trusted_schema = OFF");
    return sqlite::migrate(database, file, sqlite::migrations());
}

// The change of a new database to WAL fails at once, busy_timeout or not, while another process is in the same change (it holds a read lock
// already): so they set up one after the other. Released when the descriptor closes, or with the process.
Result<FileDescriptor> turn_to_set_up(const std::filesystem::path& state_folder) {
    FileDescriptor turn(::open(state_folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    int locked = -1;
    do locked = turn ? ::flock(turn.get(), LOCK_EX) : -1;
    while (turn && locked != 0 && errno == EINTR);
    if (locked == 0) return turn;
    return Error(ErrorCode::io, fmt::format("locking {}: {}; the state folder must be on a local file system", state_folder.string(), std::strerror(errno)));
}

} // namespace

Result<std::unique_ptr<Store>> make_sqlite_store(const std::filesystem::path& state_folder, const SqliteOptions& options) {
    auto file = state_folder / "mxseal.sqlite";
    if (auto ready = prepare_state_folder(state_folder); !ready) return std::move(ready).error();
    if (auto ready = prepare_private_file(file); !ready) return std::move(ready).error();
    auto turn = turn_to_set_up(state_folder);
    if (!turn) return std::move(turn).error();
    return guarded(file, "opening the store", [&]() -> Result<std::unique_ptr<Store>> {
        auto database = std::make_unique<SQLite::Database>(file.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_NOFOLLOW,
                                                           static_cast<int>(options.busy_timeout.count()));
        if (auto ready = set_up(*database, file); !ready) return std::move(ready).error();
        return std::unique_ptr<Store>(std::make_unique<SqliteStore>(file, state_folder / "mxseal.lease", std::move(database)));
    });
}

} // namespace mxseal::agent
