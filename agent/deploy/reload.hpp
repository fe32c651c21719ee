// Runs the program that makes the MTA read its files again (G-06): no shell, no inherited descriptor, no inherited
// environment, a process group of its own, a time limit, a bound on its output.
#pragma once

#include "base/result.hpp"
#include "base/time.hpp"

#include <string>
#include <vector>

namespace mxseal::agent {

constexpr std::size_t kReloadOutputMax = 16 * 1024;

// Blocks until the program has ended, at most `limit` and two seconds more; after the limit its whole process group is killed.
// A child of it that lives on with the output open is not waited for. Any thread; the rest of the process may have threads
// (posix_spawn, so nothing of ours runs in the child).
//   invalid: the program does not exist or is not executable     io: it failed, was killed or took too long; its output
//   is the error's peer text
Status run_reload(const std::vector<std::string>& argv, Duration limit);

} // namespace mxseal::agent
