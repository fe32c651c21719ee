#include "agent/cli/harden.hpp"

#include <cerrno>
#include <cstring>
#include <string>

#include <sys/prctl.h>
#include <sys/resource.h>

namespace mxseal::cli {

// G-01: never in core dumps.
Status harden_process() {
    const rlimit none{0, 0};
    if (::setrlimit(RLIMIT_CORE, &none) != 0 || ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return Error(ErrorCode::io, std::string("core dumps could not be turned off: ") + std::strerror(errno) + "; private keys would end up in them, so nothing is started");
    return done();
}

} // namespace mxseal::cli
