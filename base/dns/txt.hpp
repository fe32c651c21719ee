// TXT rdata: character-strings of at most 255 octets (RFC 1035 sections 3.3 and 3.3.14).
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace mxseal::dns {

// One text as rdata, split after each 255 octets; the empty text is one empty string.
Bytes txt_rdata(std::string_view text);

// The strings of one TXT record; `protocol` when the lengths do not fit the rdata, or when there is none.
Result<std::vector<std::string>> txt_strings(ByteView rdata);

// The strings joined without anything between them, as MTA-STS and TLS-RPT read them (RFC 8461 section 3.1, RFC 8460 section 3).
Result<std::string> txt_text(ByteView rdata);

} // namespace mxseal::dns
