// Which mistake is planted in this thread; only in programs that link the library compiled with MXSEAL_PLANTED.
#pragma once

#include "rotation/planted.hpp"

#include <optional>

namespace mxseal::rotation {

void plant(std::optional<Mistake> mistake);

} // namespace mxseal::rotation
