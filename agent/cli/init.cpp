// `mxseal init --from CLIENT`: the first configuration, from what the client and Postfix have on this machine.
#include "agent/cli/commands.hpp"
#include "agent/cli/text.hpp"
#include "agent/hooks/lineages.hpp"

#include "base/file_descriptor.hpp"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

namespace mxseal::cli {

namespace {

// O_EXCL: a configuration that is there is never written over.
Status write_new(const std::string& file, const std::string& text) {
    auto trouble = [&](const std::string& next) { return Error(ErrorCode::invalid, fmt::format("{}: {}; {}", file, std::strerror(errno), next)); };
    FileDescriptor out(::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
    if (!out) return trouble(errno == EEXIST ? "move it away or name another file" : "nothing was written");
    std::size_t written = 0;
    while (written < text.size()) {
        const auto got = ::write(out.get(), text.data() + written, text.size() - written);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return trouble("what was begun of it can be removed");
        written += static_cast<std::size_t>(got);
    }
    return done();
}

} // namespace

int init(Environment& environment, const Arguments& arguments) {
    Console& console = environment.console;
    const auto client = agent::parse_client(arguments.hook.client);
    if (!client) {
        console.warn(fmt::format("mxseal: '{}' is no client; allowed: certbot, lego, dehydrated, acme.sh, uacme", printable(arguments.hook.client)));
        return kExitUsage;
    }
    const auto lineages = agent::find_lineages(*client, arguments.hook.folder, arguments.hook.root.empty() ? "/" : arguments.hook.root, environment.clock.wall());
    for (const std::string& line : lineages.passed_over) console.warn("mxseal: passed over: " + line);
    if (lineages.found.empty()) {
        console.warn(fmt::format("mxseal: {} keeps no certificate here that could be served; name its folder by --folder, as root", arguments.hook.client));
        return kExitFailed;
    }
    const auto text = agent::configuration_from(*client, lineages);
    if (arguments.init_file.empty()) {
        console.print(text);
        return kExitDone;
    }
    if (auto written = write_new(arguments.init_file, text); !written) return fail(environment, written.error());
    console.line(fmt::format("mxseal: {} is written; it says what follows, and `mxseal config check` what is missing", arguments.init_file));
    return kExitDone;
}

} // namespace mxseal::cli
