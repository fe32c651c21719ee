// What OpenSSL calls while it reads a ClientHello; defined beside TlsSession, which they act on.
#pragma once

struct ssl_ctx_st;

namespace mxseal::server {

void install_callbacks(ssl_ctx_st* context);

} // namespace mxseal::server
