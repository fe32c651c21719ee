// Desk: what an operator can ask and get answered, in JSON. The running agent answers from its control thread (any thread may
// call); without an agent the store is opened directly. The control API and the commands know nothing but this.
#pragma once

#include "agent/store/store.hpp"
#include "base/json.hpp"
#include "base/result.hpp"

#include <string>
#include <vector>

namespace mxseal::agent {

class Desk {
public:
    virtual ~Desk() = default;

    // {"agent": {"running": bool, "version", "generation"..}, "hosts": [{"host", "state", "keys": [{"spki_sha256", "algorithm", "role",
    // "state", "generated_at", "published_at", "ready_at", "active_since", "retired_at", "certificate_until"}], "tlsa": {"owner", "records": [text..],
    // "complete_at", "held": [{"records": text or null (unknown), "live_from", "live_until", "held_until"}]}, "tlsa_owners": [as "tlsa"], "next": {"what", "at", "reason"},
    // "reason": sentence, "healthy": bool, "trouble": text, "halted": null | {"reason", "since"}}], "domains": [{"domain", "dane", "mx": [..]}]}
    virtual Result<Json> status() = 0;

    // {"hosts": [{"host", "state", "steps": [{"what", "earliest": RFC 3339 or null, "reason": sentence}]}]}; no names: all hosts.
    // `not_found` names a host that is not configured.
    virtual Result<Json> plan(const std::vector<std::string>& hosts) = 0;

    // {"command": "roll" | "roll_back" | "halt" | "resume", "hosts": [name..] (empty with halt and resume: all), "emergency": bool,
    //  "key": hex or null, "accept_risk": text or null, "why": text, "who": text}
    // -> {"replies": [{"host", "text", "refused": bool}], "plan": as plan()}. Durable when it returns.
    virtual Result<Json> request(const Json& body) = 0;

    // [{"id", "at": RFC 3339, "host", "event", "fields", "sentence"}], oldest first.
    virtual Result<Json> log(const LogFilter& filter) = 0;
};

} // namespace mxseal::agent
