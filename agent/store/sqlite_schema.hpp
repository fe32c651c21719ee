// The tables of the SQLite store and the steps that lead from each version to the next.
#pragma once

#include "base/result.hpp"

#include <filesystem>
#include <span>

namespace SQLite {
class Database;
}

namespace mxseal::agent::sqlite {

struct Migration {
    int version;      // ascending from 1, without gaps
    const char* what; // for people, kept in the database
    const char* sql;
};

std::span<const Migration> migrations();

// Brings `database` to the last of `steps`, each step in a transaction of its own; several processes may try at once.
// `refused` when it was written by a newer mxseal or by another program. Throws SQLite::Exception.
Status migrate(SQLite::Database& database, const std::filesystem::path& file, std::span<const Migration> steps);

} // namespace mxseal::agent::sqlite
