#include "agent/cli/commands.hpp"
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

namespace {

using timeline::Timeline;

Result<Timeline> ask(const std::string& host, const std::optional<Instant>& from, Instant clock_now, DeskFinder& desks) {
    auto status = desks.read([](agent::Desk& desk) { return desk.status(); });
    if (!status) return std::move(status).error();
    auto plan = desks.read([&](agent::Desk& desk) { return desk.plan({host}); });
    if (!plan) return std::move(plan).error();
    agent::LogFilter filter;
    filter.host = host;
    filter.limit = timeline::kEntriesMax;
    auto log = desks.read([&](agent::Desk& desk) { return desk.log(filter); });
    if (!log) return std::move(log).error();
    // Logged instants are the agent's: its now stands beside them.
    auto now = parse_rfc3339((*status)["at"].as_string().value_or(""));
    return timeline::timeline_of(*status, *plan, *log, {host, now ? *now : clock_now, from});
}

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

std::string render_timeline(const Timeline& timeline, const Style& style) {
    std::string out;
    for (const auto& line : timeline::text_of(timeline, style.width)) {
        for (const auto& piece : line) out += coloured(printable(piece.text), colour_of(piece.tone), style);
        out += '\n';
    }
    return out;
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

// Beside the file under a name that nobody can foresee, then renamed: whoever looks sees the old picture or the new one.
Status write_file(const std::string& file, std::string_view text) {
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

} // namespace

int show_timeline(Environment& environment, const Arguments& arguments, DeskFinder& desks) {
    Console& console = environment.console;
    std::optional<Instant> from;
    if (arguments.from) {
        auto parsed = timeline::parse_from(*arguments.from, environment.clock.wall());
        if (!parsed) {
            console.warn("mxseal: --from " + parsed.error().message());
            return kExitUsage;
        }
        from = *parsed;
    }
    auto timeline = ask(arguments.hosts.front(), from, environment.clock.wall(), desks);
    if (!timeline) return fail(environment, timeline.error());
    if (arguments.json) {
        console.json(timeline::to_json(*timeline));
    } else if (arguments.svg) {
        if (auto written = write_file(*arguments.svg, timeline::svg_of(*timeline)); !written) return fail(environment, written.error());
        console.line("wrote " + *arguments.svg);
    } else {
        console.print(render_timeline(*timeline, console.style()));
    }
    return kExitDone;
}

} // namespace mxseal::cli
