// The executable: hands the world to the commands.
#include "agent/cli/commands.hpp"
#include "agent/control/find_desk.hpp"
#include "simulation/forecast.hpp"

#include <charconv>
#include <iostream>
#include <string_view>

#include <fmt/format.h>
#include <poll.h>
#include <pwd.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace mxseal::cli {

namespace {

std::string variable(char** environment, std::string_view name) {
    for (char** each = environment; *each != nullptr; ++each) {
        const std::string_view entry(*each);
        if (entry.size() > name.size() && entry.starts_with(name) && entry[name.size()] == '=') return std::string(entry.substr(name.size() + 1));
    }
    return {};
}

// G-11: who asked. sudo's word counts only where root speaks, for anybody else could have written the variable.
std::string operator_name(char** environment) {
    const auto behind_sudo = ::getuid() == 0 ? variable(environment, "SUDO_USER") : std::string();
    if (!behind_sudo.empty()) return behind_sudo;
    const passwd* entry = ::getpwuid(::getuid());
    return entry != nullptr ? std::string(entry->pw_name) : fmt::format("uid {}", ::getuid());
}

// As a shell has it: $HOME, else what the password database says; a service has no $HOME.
std::filesystem::path home_folder(char** environment) {
    const auto told = variable(environment, "HOME");
    if (!told.empty()) return told;
    const passwd* entry = ::getpwuid(::getuid());
    return entry != nullptr ? entry->pw_dir : "/";
}

// sd_listen_fds(3): $LISTEN_FDS is meant for the process that $LISTEN_PID names.
int inherited_sockets(char** environment) {
    const auto number = [&](std::string_view name) {
        const auto text = variable(environment, name);
        int value = 0;
        const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
        return failure == std::errc() && end == text.data() + text.size() ? value : 0;
    };
    return number("LISTEN_PID") == ::getpid() ? number("LISTEN_FDS") : 0;
}

std::pair<std::size_t, std::size_t> screen_size() {
    winsize size{};
    if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 || size.ws_col == 0) return {24, 80};
    return {size.ws_row, size.ws_col};
}

Style style_of_stdout(char** environment, bool terminal) {
    if (!terminal) return {};
    // Wide terminals: lines of more than 120 columns are hard to read (our choice).
    const auto width = std::min<std::size_t>(screen_size().second, 120);
    return {variable(environment, "NO_COLOR").empty(), std::max<std::size_t>(width, 40)};
}

Result<Json> simulate(const agent::Config& config, const SimulationOrder& order) {
    simulation::ForecastWanted wanted;
    wanted.length = order.length;
    wanted.seed = order.seed;
    wanted.host = order.host;
    wanted.faults_in_years = order.faults == SimulatedFaults::everywhere;
    wanted.on_progress = order.on_progress;
    if (order.faults != SimulatedFaults::none) {
        auto trials = simulation::faults_named(order.fault_names);
        if (!trials.ok()) return std::move(trials).error();
        wanted.trials = std::move(*trials);
    }
    auto forecast = simulation::forecast(config, wanted);
    if (!forecast.ok()) return std::move(forecast).error();
    return simulation::to_json(*forecast);
}

int run_main(int count, char** words, char** environment) {
    auto parsed = parse_arguments({words + 1, words + count}, MXSEAL_VERSION);
    if (!parsed.arguments) {
        (parsed.exit_code == kExitDone ? std::cout : std::cerr) << parsed.text;
        return parsed.exit_code;
    }
    const bool terminal = ::isatty(STDOUT_FILENO) == 1;
    Console console(std::cout, std::cerr, style_of_stdout(environment, terminal));
    SystemClock clock;
    Environment world{console, clock};
    world.out_is_terminal = terminal;
    world.home = home_folder(environment);
    world.variable = [environment](std::string_view name) { return variable(environment, name); };
    world.operator_name = operator_name(environment);
    world.notify_socket = variable(environment, "NOTIFY_SOCKET");
    world.inherited_sockets = inherited_sockets(environment);
    world.inherited_names = variable(environment, "LISTEN_FDNAMES");
    world.find_desk = agent::find_desk;
    world.open_roster = [&clock](const agent::Config& config) { return agent::open_roster(config, clock); };
    world.pause = [](Duration duration) { ::poll(nullptr, 0, static_cast<int>(duration.count())); };
    world.screen_size = screen_size;
    world.leave = [](int exit_code) {
        std::cout.flush();
        ::_exit(exit_code);
    };
    world.run_agent = agent::run_agent;
    world.run_apply = agent::run_apply;
    world.simulate = simulate;
    return run(world, *parsed.arguments);
}

} // namespace

} // namespace mxseal::cli

int main(int count, char** words, char** environment) {
    try {
        return mxseal::cli::run_main(count, words, environment);
    } catch (const std::exception& problem) {
        std::cerr << "mxseal: this should not happen: " << problem.what() << "\n";
        return mxseal::cli::kExitFailed;
    }
}
