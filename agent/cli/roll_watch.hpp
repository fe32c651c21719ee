// RollWatch: when is the roll that was asked for finished? Pure: fed with the status before the request, then with log entries and
// status as they come.
#pragma once

#include "base/json.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace mxseal::cli {

class RollWatch {
public:
    enum class Wanted { roll, back };
    // `key`: the one to retire, in hex; nothing: the current ones, or those of the roll under way.
    RollWatch(const Json& status, const std::vector<std::string>& hosts, const std::optional<std::string>& key, Wanted wanted);

    // True when the entry is of a host that is watched: worth printing.
    bool take_entry(const Json& entry);
    void take_status(const Json& status);

    bool is_over() const;                      // every host is finished, or has failed
    const std::vector<std::string>& failures() const { return failures_; } // a sentence each

private:
    struct Watched {
        std::set<std::string> keys;            // to be retired still
        bool any = false;                      // the key of the roll under way is not known: the next end counts
        bool over = false;
    };
    void expect(const Json& host, const std::optional<std::string>& key);
    void finish(Watched& watched, const std::string& from);
    void fail(Watched& watched, std::string sentence);

    std::map<std::string, Watched> hosts_;
    std::vector<std::string> failures_;
    const Wanted wanted_;
};

} // namespace mxseal::cli
