// Arguments: what was asked on the command line, checked for form. Whether hosts exist is for the commands to see.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace mxseal::cli {

enum class Verb { config_check, plan, apply, agent, status, roll, halt, resume, log, timeline, simulate, serve, domain_add, domain_remove, domain_import, domain_list, mx_add, mx_remove, mx_replace, hook, init };
enum class SimulatedFaults { apart, everywhere, none };

// `mxseal hook ..`: what a client's hook calls, and what sets it up.
enum class HookVerb { client, files, prepare, install, remove };
struct HookArguments {
    HookVerb verb = HookVerb::client;
    std::string client;                      // certbot, lego, dehydrated, acme.sh, uacme
    std::vector<std::string> words;          // as the client gives them
    std::string key, chain;                  // files
    std::string host;                        // prepare
    std::string folder;                      // prepare: of the client, else its usual one
    std::string root;                        // install, remove: stands for /
    bool print = false;                      // install: show, write nothing
};

struct Arguments {
    Verb verb = Verb::status;
    std::string config;                      // empty: see config_path()
    bool json = false;
    std::vector<std::string> hosts;          // plan, roll, halt, resume; log, simulate: at most one; timeline: one
    bool all = false;                        // halt, resume
    bool watch = false;                      // status
    bool emergency = false;                  // roll
    bool back = false;
    bool wait = false;
    std::optional<std::string> accept_risk;
    std::optional<std::string> key;          // SPKI SHA-256, 64 hexadecimal digits in lower case
    std::string why;                         // halt
    bool follow = false;                     // log
    std::size_t limit = 100;
    std::optional<std::string> svg;          // timeline, simulate: the file to write
    std::optional<std::string> from;         // timeline: an instant or "2h-ago"
    double years = 1;                        // simulate
    std::uint64_t seed = 1;
    SimulatedFaults faults = SimulatedFaults::apart;
    std::vector<std::string> fault_names;    // these alone, as simulation/fault.hpp names them; empty: all
    std::vector<std::string> domains;        // domain add, domain remove
    std::string mx_domain;                   // mx ..
    std::vector<std::string> mx_hosts;       // mx ..: any name, of this configuration or not
    std::optional<std::string> profile;      // domain add, domain list
    std::string import_file;                 // domain import; "-": standard input
    HookArguments hook;
    std::string init_from, init_file;        // init; no file: to standard output
    std::string snapshot;                    // serve
    std::optional<std::string> state_file;   // serve: where the highest generation that was served stands; else beside the snapshot
    std::vector<std::string> listen;         // serve: addresses with ports
    std::vector<std::string> listen_http;
    std::vector<std::string> status_address;
    std::optional<std::size_t> threads;
};

// Exit codes of all commands (DESIGN.md, Interface).
inline constexpr int kExitDone = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;

struct Parsed {
    std::optional<Arguments> arguments;      // absent: nothing to run, print and leave
    std::string text;                        // help, version, or what is wrong
    int exit_code = kExitDone;
};

// `words` without the program's name. The only place that knows CLI11.
Parsed parse_arguments(std::vector<std::string> words, const std::string& version);

} // namespace mxseal::cli
