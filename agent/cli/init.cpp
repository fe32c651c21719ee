// `mxseal init --from CLIENT`: a first configuration from what a client keeps.
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

// Never over a file that is there.
Status write_new(const std::string& file, const std::string& text) {
    FileDescriptor descriptor(::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
    if (!descriptor && errno == EEXIST) return Error(ErrorCode::refused, fmt::format("{} is there already and stays as it is; name another file, or leave the name out to see the text", file));
    if (!descriptor) return Error(ErrorCode::io, fmt::format("making {}: {}", file, std::strerror(errno)));
    for (std::size_t written = 0; written < text.size();) {
        const auto size = ::write(descriptor.get(), text.data() + written, text.size() - written);
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) return Error(ErrorCode::io, fmt::format("writing {}: {}", file, std::strerror(errno)));
        written += static_cast<std::size_t>(size);
    }
    return done();
}

} // namespace

int run_init(Environment& environment, const Arguments& arguments) {
    const auto client = agent::parse_client(arguments.init_from);
    if (!client || *client == agent::Client::acme_sh || *client == agent::Client::uacme) {
        environment.console.warn(fmt::format("mxseal: '{}' is not known to init; allowed: certbot, lego, dehydrated", printable(arguments.init_from)));
        return kExitUsage;
    }
    const std::filesystem::path root = arguments.hook.root.empty() ? "/" : arguments.hook.root;
    const auto lineages = agent::find_lineages(*client, root, environment.home, environment.clock.wall());
    if (lineages.empty()) environment.console.warn(fmt::format("mxseal: {} keeps no certificate in its usual folder", arguments.init_from));
    const auto text = agent::first_configuration(*client, lineages, agent::read_postfix(root / "etc/postfix/main.cf"));
    if (arguments.init_file.empty()) {
        environment.console.print(text);
        return kExitDone;
    }
    if (auto written = write_new(arguments.init_file, text); !written) return fail(environment, written.error());
    environment.console.line(fmt::format("{} written: fill in what stands behind FILL IN, then `mxseal --config {} config check`", arguments.init_file, arguments.init_file));
    return kExitDone;
}

} // namespace mxseal::cli
