#include "tests/conformance/provider_world.hpp"

#include "providers/memory/memory_driver.hpp"

namespace mxseal::conformance {

namespace {

class MemoryWorld final : public ProviderWorld {
public:
    MemoryWorld() : driver_(clock_) { driver_.add_zone(apex_); }
    providers::DnsDriver& driver() override { return driver_; }
    void put(const providers::Rrset& rrset) override { driver_.put(rrset); }
    std::uint64_t serial() override { return driver_.serial(); }

private:
    SystemClock clock_;
    providers::MemoryDriver driver_;
};

} // namespace

ProviderWorld* the_world() {
    static MemoryWorld world;
    return &world;
}

} // namespace mxseal::conformance
