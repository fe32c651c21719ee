#include "agent/cli/picture.hpp"

#include "agent/cli/text.hpp"
#include "agent/timeline/svg.hpp"
#include "agent/timeline/text.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>

#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

namespace mxseal::cli {

using timeline::Timeline;

namespace {

Colour colour_of(timeline::Tone tone) {
    switch (tone) {
    case timeline::Tone::plain: return Colour::none;
    case timeline::Tone::strong: return Colour::bold;
    case timeline::Tone::dim: return Colour::dim;
    case timeline::Tone::live: return Colour::good;
    case timeline::Tone::tail: return Colour::wait;
    case timeline::Tone::now: return Colour::bad;
    }
    return Colour::none;
}

Error file_error(const std::string& file, const char* what) {
    return Error(ErrorCode::io, fmt::format("{} cannot be written: {}: {}; name a file in a folder that you may write to", file, what, std::strerror(errno)));
}

bool write_all(int descriptor, std::string_view text) {
    while (!text.empty()) {
        const auto written = ::write(descriptor, text.data(), text.size());
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return false;
        text.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
}

} // namespace

std::string render_picture(const Timeline& timeline, const Style& style) {
    std::string out;
    for (const auto& line : timeline::text_of(timeline, style.width)) {
        for (const auto& piece : line) out += coloured(printable(piece.text), colour_of(piece.tone), style);
        out += '\n';
    }
    return out;
}

// Beside the file under a name that nobody can foresee, then renamed: whoever looks sees the old picture or the new one.
Status write_picture(const std::string& file, const Timeline& timeline) {
    const auto text = timeline::svg_of(timeline);
    auto beside = file + ".XXXXXX";
    const int descriptor = ::mkstemp(beside.data());
    if (descriptor < 0) return file_error(file, "no file can be made there");
    // A picture holds no secret: as readable as any file of the operator's.
    const mode_t mask = ::umask(0);
    ::umask(mask);
    const bool written = write_all(descriptor, text) && ::fchmod(descriptor, 0644 & ~mask) == 0;
    const bool closed = ::close(descriptor) == 0;
    if (written && closed && std::rename(beside.c_str(), file.c_str()) == 0) return done();
    Error error = file_error(file, "the picture was not written whole");
    ::unlink(beside.c_str());
    return error;
}

} // namespace mxseal::cli
