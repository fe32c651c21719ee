#include "agent/cli/live_screen.hpp"

#include <csignal>

namespace mxseal::cli {

namespace {

// ECMA-48 and xterm's private modes 1049 (alternate screen) and 25 (cursor).
constexpr const char* kEnter = "\033[?1049h\033[?25l";
constexpr const char* kLeave = "\033[?25h\033[?1049l";
constexpr const char* kHome = "\033[H";
constexpr const char* kClearToLineEnd = "\033[K";
constexpr const char* kClearBelow = "\033[J";

} // namespace

LiveScreen::LiveScreen(Console& console, Size size) : console_(console), size_(std::move(size)), signals_({SIGINT, SIGTERM, SIGHUP}) { console_.print(kEnter); }

LiveScreen::~LiveScreen() { console_.print(kLeave); }

std::string frame(const std::string& text, std::size_t rows) {
    std::string out = kHome;
    std::size_t begin = 0;
    for (std::size_t row = 0; begin < text.size() && row + 1 < rows; ++row) {
        const auto end = std::min(text.find('\n', begin), text.size());
        out += text.substr(begin, end - begin) + kClearToLineEnd + "\r\n";
        begin = end + 1;
    }
    return out + (begin < text.size() ? "... more than fits; `mxseal status` prints all" + std::string(kClearToLineEnd) : "") + kClearBelow;
}

void LiveScreen::draw(const std::string& text) { console_.print(frame(text, size_().first)); }

bool LiveScreen::wait(Duration duration) { return !signals_.wait(duration).has_value(); }

} // namespace mxseal::cli
