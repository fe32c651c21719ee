// What every Store refuses before it writes, so that all of them refuse alike.
#pragma once

#include "agent/store/store.hpp"

namespace mxseal::agent {

// As many requests of an operator as may wait at once. Our choice: ten thousand hosts rolled one by one, and more means
// that no agent takes them.
constexpr std::size_t kPendingRequestsMax = 20'000;

Status check_commit(const Commit& commit);
Status check_key(std::string_view spki, std::string_view host, ByteView sealed);
// Chains are not sealed, so no private key may stand in one (G-01).
Status check_chain(std::string_view spki, std::string_view pem);
Status check_domains(const std::vector<DomainRow>& rows);
Status check_document_id(std::string_view kind, std::string_view id);

Error lease_lost(const FencingToken& ours, std::int64_t now, std::string_view holder);
Error lease_held(std::string_view holder);
Error too_many_requests();

} // namespace mxseal::agent
