// LiveScreen: the alternate screen of a terminal, drawn anew each second and given back at the end, after Ctrl-C as well.
#pragma once

#include "agent/cli/console.hpp"
#include "agent/cli/signals.hpp"
#include "base/time.hpp"

#include <functional>
#include <utility>

namespace mxseal::cli {

class LiveScreen {
public:
    using Size = std::function<std::pair<std::size_t, std::size_t>()>; // rows and columns
    LiveScreen(Console& console, Size size);
    LiveScreen(const LiveScreen&) = delete;
    LiveScreen& operator=(const LiveScreen&) = delete;
    ~LiveScreen();

    void draw(const std::string& text);
    bool wait(Duration duration); // false: somebody wants to leave

private:
    Console& console_;
    const Size size_;
    HeldSignals signals_;
};

// The sequence that shows `text` on a screen of `rows`: its first lines, where it has more.
std::string frame(const std::string& text, std::size_t rows);

} // namespace mxseal::cli
