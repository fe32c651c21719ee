// Names as strangers send them: SNI, Host, and the ALPN list.
#pragma once

#include "base/bytes.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace mxseal::server {

// A host name in lower case without a final dot, or nothing: letters, digits, '-', '_' in labels of 1..63 octets, at most 253
// in all (RFC 1035 section 2.3.4). An address literal is no host name (RFC 6066 section 3).
std::optional<std::string> served_name(std::string_view text);

// The name in a Host field or an authority (RFC 9110 section 7.2): a port behind it is left out, whatever it is, for forwarded
// ports are the operator's matter.
std::optional<std::string> name_of_authority(std::string_view text);

// RFC 8737 section 3: the client offers acme-tls/1 and nothing else. `list` is the extension's data (RFC 7301 section 3.1).
bool offers_only_acme(ByteView list);

} // namespace mxseal::server
