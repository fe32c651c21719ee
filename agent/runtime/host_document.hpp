// HostState as a JSON document of the store, and back. The document carries a version; one written by a newer mxseal is refused.
#pragma once

#include "base/json.hpp"
#include "base/json_writer.hpp"
#include "base/result.hpp"
#include "rotation/tlsa/state.hpp"

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

namespace mxseal::agent {

constexpr std::int64_t kDocumentVersion = 1;

// JSON text.
std::string to_document(const rotation::tlsa::HostState& state);

// to_document() for a host whose document is written with every step: the keys and the few TLSA RRsets that stand in many places, most
// of it, are written anew when they changed.
class DocumentWriter {
public:
    std::string write(const rotation::tlsa::HostState& state);
    // JSON text; stays until the next call.
    const std::string& text_of(const dns::TlsaSet& records);

private:
    std::vector<rotation::tlsa::Key> keys_;
    std::string keys_text_ = "[]";
    struct Hash { // digests are random enough
        std::size_t operator()(const dns::TlsaSet& records) const;
    };
    std::unordered_map<dns::TlsaSet, std::string, Hash> sets_;
};
// `invalid` names the field that does not fit.
Result<rotation::tlsa::HostState> from_document(const Json& document);

void write_reason(JsonWriter& to, const rotation::Reason& reason);
rotation::Reason reason_from_json(const Json& json);

} // namespace mxseal::agent
