// What sets a client's hook up: files where the client reads hooks from files, lines for the admin where it takes them on its command line.
#pragma once

#include "agent/config/config.hpp"
#include "agent/hooks/client_call.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace mxseal::agent {

struct HookFile {
    std::filesystem::path file; // under `root`
    std::string content;        // names mxseal as its writer in the second line
    unsigned mode = 0755;
};

struct SetUp {
    std::vector<HookFile> files;
    std::vector<std::string> lines; // what is left to do by hand, in order
    std::vector<std::string> undo;  // the same for `hook remove`
};

// `program`: what the hook calls, "/usr/bin/mxseal --config FILE" or shorter. `root`: stands for /; it is read for what the client has now.
SetUp set_up_of(Client client, const Config& config, const std::string& program, const std::filesystem::path& root);

// `handed_out`: hosts whose keys mxseal makes; `head`: the first lines of each file.
SetUp set_up_of_dehydrated(const std::vector<std::string>& handed_out, const std::string& head, const std::string& program, const std::filesystem::path& root);

enum class Written { made, renewed, there_already, removed, not_there };

// `refused`: another's file stands there. Its folder is made when it is missing.
Result<Written> write_hook(const HookFile& file);
Result<Written> remove_hook(const HookFile& file);

} // namespace mxseal::agent
