#include "agent/store/sqlite_errors.hpp"

#include <fmt/format.h>
#include <sqlite3.h>

namespace mxseal::agent::sqlite {

namespace {

struct Advice {
    ErrorCode code;
    Retry retry;
    const char* next;
};

Advice advice_for(int extended_code) {
    switch (extended_code & 0xff) {
    case SQLITE_FULL: return {ErrorCode::io, Retry::transient(), "nothing was written; free space on its file system, mxseal tries again"};
    case SQLITE_IOERR: return {ErrorCode::io, Retry::transient(), "nothing was written; check the disk, its quota and the kernel log"};
    case SQLITE_READONLY:
    case SQLITE_PERM: return {ErrorCode::io, Retry::never(), "nothing was written; the file, its -wal and its folder must be writable for the user of mxseal"};
    case SQLITE_CANTOPEN: return {ErrorCode::io, Retry::never(), "it must be a file that the user of mxseal may read and write"};
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return {ErrorCode::io, Retry::never(),
                "the database is damaged: stop mxseal, keep a copy, then restore a backup or run `sqlite3 FILE .recover`; "
                "the world is observed again after the start"};
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return {ErrorCode::busy, Retry::transient(), "another process keeps it locked; see who has it open with fuser"};
    case SQLITE_NOMEM: return {ErrorCode::io, Retry::transient(), "there is no memory left"};
    case SQLITE_TOOBIG: return {ErrorCode::invalid, Retry::never(), "a value is larger than SQLite takes"};
    default: return {ErrorCode::internal, Retry::never(), "this is a bug in mxseal; please report it with this line"};
    }
}

} // namespace

Error explain(int extended_code, const std::string& text, const std::string& doing, const std::filesystem::path& database) {
    Advice advice = advice_for(extended_code);
    return Error(advice.code, fmt::format("{}: {}: {} (SQLite code {}); {}", database.string(), doing, text, extended_code, advice.next), advice.retry);
}

} // namespace mxseal::agent::sqlite
