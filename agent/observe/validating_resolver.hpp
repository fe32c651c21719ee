// ValidatingResolver: DNS answers that we validate ourselves (B-01), over libunbound. A remote AD bit is never believed.
//
// One libunbound context of its own with nothing cached, so that each answer is fresh (behind a forwarder: as fresh as that
// forwarder's). resolve() blocks, bounded by `timeout`; any thread, many at once.
#pragma once

#include "base/dns/query.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "rotation/tlsa/observation.hpp"

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace mxseal::agent {

struct ResolverOptions {
    std::vector<dns::Endpoint> forward;                // empty: full recursion
    std::vector<std::filesystem::path> trust_anchors;  // zone files of DS and DNSKEY records
    std::optional<std::filesystem::path> root_hints;
    Duration timeout = std::chrono::seconds(15);       // of one question, our choice: two tries at three dead servers
    // Special-use zones that libunbound would deny by itself (RFC 6761); what the configuration names must really be asked.
    std::vector<std::string> asked_all_the_same{"test.", "home.arpa."};
};

// What the resolver concludes about (name, type).
struct ResolvedAnswer {
    rotation::tlsa::Security security = rotation::tlsa::Security::indeterminate;
    int rcode = 0;
    std::optional<dns::Name> canonical;  // where a chain of CNAMEs ends, if there is one
    std::vector<dns::Record> records;    // of the type, at the end of that chain
    std::string detail;                  // "A mx1.example.org: secure, NOERROR, 1 record", with why when it is bogus

    bool usable() const { // an answer that a validating client would act on
        return security == rotation::tlsa::Security::secure || security == rotation::tlsa::Security::insecure;
    }
};

class ValidatingResolver {
public:
    // `invalid` when a file cannot be read or libunbound refuses a setting.
    static Result<std::unique_ptr<ValidatingResolver>> create(const ResolverOptions& options);
    ~ValidatingResolver();
    ValidatingResolver(const ValidatingResolver&) = delete;
    ValidatingResolver& operator=(const ValidatingResolver&) = delete;

    // `transient` when nothing came in time. SERVFAIL and bogus answers are values.
    Result<ResolvedAnswer> resolve(const dns::Name& name, dns::Type type);

    // Whether a trust anchor stands at `zone` itself, so that its chain of trust needs no parent.
    bool anchors(const dns::Name& zone) const { return anchored_.contains(zone); }

private:
    class Context;
    ValidatingResolver(std::unique_ptr<Context> context, std::set<dns::Name> anchored, Duration timeout);

    std::unique_ptr<Context> context_;
    std::set<dns::Name> anchored_;
    Duration timeout_;
};

} // namespace mxseal::agent
