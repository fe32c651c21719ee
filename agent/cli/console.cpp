#include "agent/cli/console.hpp"

#include "agent/cli/text.hpp"

#include <ostream>

namespace mxseal::cli {

// Flushed at once: whoever reads the other end of a pipe follows what happens.
void Console::print(std::string_view text) { out_ << text << std::flush; }

void Console::line(std::string_view text) { out_ << printable(text) << '\n' << std::flush; }

void Console::warn(std::string_view text) { err_ << printable(text) << '\n' << std::flush; }

void Console::json(const Json& value) { out_ << printable_json(value.dump_indented()) << std::flush; }

void Console::json_line(const Json& value) { out_ << printable_json(value.dump()) << '\n' << std::flush; }

} // namespace mxseal::cli
