// What the readers of chains in this folder share.
#pragma once

struct stack_st_X509;

namespace mxseal::agent {

// Each certificate is signed by the one after it; dates are not looked at.
bool signatures_link(stack_st_X509* chain);

} // namespace mxseal::agent
