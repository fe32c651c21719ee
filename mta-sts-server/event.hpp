// Event: a line for the operator's log; whoever runs the server says where it goes.
//
//   endpoint.started    listens; fields: addresses, generation, sites
//   snapshot.taken      all loops serve a newer snapshot; fields: generation, sites
//   snapshot.refused    a file is there that cannot be taken; what was served goes on: mend or copy it again
//   challenges.taken    what a CA may ask for was replaced; fields: http, tls_alpn (how many)
//   challenges.refused  the file of challenges cannot be used; those before it are answered on: it is written anew with the next order
//   site.failed         a certificate or record cannot be used, its name gets an alert: write the snapshot again
//   endpoint.crowded    all places are taken, or addresses hold too many: an attack, or limits that are too low
//   endpoint.stopped    drained; fields: cut (connections that did not end in time)
#pragma once

#include "base/json.hpp"

#include <functional>
#include <string>

namespace mxseal::server {

struct Event {
    std::string event;
    Json fields;
    std::string sentence;
};
using EventSink = std::function<void(const Event&)>; // any thread

} // namespace mxseal::server
