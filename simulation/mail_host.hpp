// MailHost: an MX host with several addresses, each an MTA of its own that reads one file of keys.
#pragma once

#include "rotation/tlsa/observation.hpp"
#include "rotation/types.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

namespace mxseal::simulation {

using Keys = std::vector<rotation::SpkiHash>;

struct Backend {
    std::string address;
    Keys serving;                          // what its processes present
    Keys lingering;                        // what an old process still presents
    Instant lingers_until{};
    Instant down_until{}, no_starttls_until{};
};

struct MailHost {
    std::string name;
    std::size_t zone = 0; // index
    std::vector<Backend> backends;
    Keys file;                             // what a process that starts now reads
    Keys former;                           // what stood in it before
    Keys misplaced;                        // put there by a foreign hand though a live version did not match
    std::map<rotation::SpkiHash, rotation::Chain> certificates; // in the file or in the vault, the newest
    Instant disturbed{};                   // a fault struck, or a foreign hand was at work; until then nothing has to be punctual
    Instant unwell_since = Instant::max(); // an endpoint is down, without STARTTLS or presents a foreign key

    // requirements.md section 0, S(h,t): from the rename on, both old and new chain may be presented.
    template <class F>
    void each_presentable(Instant now, F&& f) const {
        for (const rotation::SpkiHash& key : file) f(key);
        for (const Backend& backend : backends) {
            for (const rotation::SpkiHash& key : backend.serving) f(key);
            if (now < backend.lingers_until)
                for (const rotation::SpkiHash& key : backend.lingering) f(key);
        }
    }
    bool presents(const rotation::SpkiHash& key, Instant now) const {
        bool found = false;
        each_presentable(now, [&](const rotation::SpkiHash& each) { found = found || each == key; });
        return found;
    }
};

} // namespace mxseal::simulation
