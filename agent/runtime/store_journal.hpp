// StoreJournal: the Journal of the ACME room on the store; secrets sealed under a key of their own (G-02).
#pragma once

#include "agent/acme/authority.hpp"
#include "agent/keys/sealer.hpp"
#include "agent/store/store.hpp"

namespace mxseal::agent {

class StoreJournal final : public Journal {
public:
    StoreJournal(Store& store, const Sealer& sealer) : store_(store), sealer_(sealer) {}

    std::optional<Json> get(std::string_view kind, std::string_view id) override;
    Status put(std::string_view kind, std::string_view id, const Json& document) override;
    Status remove(std::string_view kind, std::string_view id) override;
    std::optional<Secret> get_secret(std::string_view kind, std::string_view id) override;
    Status put_secret(std::string_view kind, std::string_view id, const Secret& secret) override;

private:
    Store& store_;
    const Sealer& sealer_;
};

} // namespace mxseal::agent
