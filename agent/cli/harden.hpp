// G-01: a process that holds private keys leaves no core dump and is not traced by others of its user.
#pragma once

#include "base/result.hpp"

namespace mxseal::cli {

Status harden_process();

} // namespace mxseal::cli
