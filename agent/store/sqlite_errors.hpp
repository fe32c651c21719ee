// SQLite's result codes as our Errors: what happened, where, and what the operator does next.
#pragma once

#include "base/result.hpp"

#include <filesystem>
#include <string>

namespace mxseal::agent::sqlite {

// `extended_code`: SQLite's extended result code (sqlite.org/rescode.html); `text`: its message.
Error explain(int extended_code, const std::string& text, const std::string& doing, const std::filesystem::path& database);

} // namespace mxseal::agent::sqlite
