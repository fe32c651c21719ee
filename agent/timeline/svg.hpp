// The picture as SVG: stands alone (no script, no font or style from elsewhere), readable on paper without colours.
#pragma once

#include "agent/timeline/timeline.hpp"

#include <string>

namespace mxseal::timeline {

std::string svg_of(const Timeline& timeline);

} // namespace mxseal::timeline
