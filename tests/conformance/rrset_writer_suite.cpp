// What the agent's writer of TXT and MX RRsets does through every DnsDriver (agent/domains/rrset_writer.hpp).
#include "agent/domains/rrset_writer.hpp"

#include "agent/observe/rrset_text.hpp"
#include "tests/conformance/provider_world.hpp"
#include "tests/conformance/sample_values.hpp"

#include <algorithm>

using namespace mxseal;
using namespace mxseal::conformance;
using rotation::mta_sts::Values;

namespace {

const Ttl kTtl{300};

// "_mta-sts.h7.example.test" and "h7.example.test": BIND takes MX at host names only.
struct Domain {
    explicit Domain(ProviderWorld& the) : world(the), name(the.fresh_owner().parent().parent()), sts(name.prefixed("_mta-sts").value()) {}

    Values at(const dns::Name& owner, dns::Type type) {
        auto rrset = must(world.driver().read(world.zone(), owner, type));
        if (!rrset) return {};
        CHECK(rrset->ttl == kTtl);
        return must(agent::values_text(type, rrset->values));
    }
    Status write(const dns::Name& owner, dns::Type type, const Values& base, const Values& target) { return agent::write_rrset(world.driver(), owner, type, base, target, kTtl); }

    ProviderWorld& world;
    dns::Name name, sts;
};

} // namespace

#define IN_THE_WORLD(domain)                    \
    if (the_world() == nullptr) {               \
        WARN("left out: no server to try it on"); \
        return;                                 \
    }                                           \
    Domain domain(*the_world())

TEST_CASE("a policy's TXT record comes, changes and goes by compare-and-swap") {
    IN_THE_WORLD(domain);
    const Values first{"v=STSv1; id=1;"}, second{"another\\255", "v=STSv1; id=2;"};
    must(domain.write(domain.sts, dns::Type::txt, {}, first));
    CHECK(domain.at(domain.sts, dns::Type::txt) == first);
    CHECK(code_of(domain.write(domain.sts, dns::Type::txt, {}, second)) == ErrorCode::precondition);
    CHECK(code_of(domain.write(domain.sts, dns::Type::txt, second, first)) == ErrorCode::precondition);
    CHECK(domain.at(domain.sts, dns::Type::txt) == first);
    must(domain.write(domain.sts, dns::Type::txt, first, second));
    CHECK(domain.at(domain.sts, dns::Type::txt) == second);
    must(domain.write(domain.sts, dns::Type::txt, second, {}));
    CHECK(domain.at(domain.sts, dns::Type::txt).empty());
}

TEST_CASE("a long text of others, split where they liked, is a base to write on and stays as it is") {
    IN_THE_WORLD(domain);
    Bytes split{1, 'a', 200};
    split.insert(split.end(), 200, 'b');
    domain.world.put({domain.sts, dns::Type::txt, kTtl, {split}});
    const std::string text = "a" + std::string(200, 'b'), own(400, 'c');
    must(domain.write(domain.sts, dns::Type::txt, {text}, {text, own}));
    CHECK(domain.at(domain.sts, dns::Type::txt) == Values{text, own});
    const auto rrset = must(domain.world.driver().read(domain.world.zone(), domain.sts, dns::Type::txt));
    CHECK(rrset->values.size() == 2);
    CHECK(std::count(rrset->values.begin(), rrset->values.end(), split) == 1);
}

TEST_CASE("an MX host in the zone without an address is written, or the refusal names it as a cause") {
    IN_THE_WORLD(domain);
    const Status written = domain.write(domain.name, dns::Type::mx, {}, {"10 nowhere.example.test"});
    if (written.ok())
        CHECK(domain.at(domain.name, dns::Type::mx) == Values{"10 nowhere.example.test"});
    else
        CHECK(written.error().to_string().find("needs an address there") != std::string::npos);
}

TEST_CASE("a mail domain's MX RRset is changed by compare-and-swap, to the null MX too") {
    IN_THE_WORLD(domain);
    const Values one{"10 mx1.elsewhere.test"}, two{"10 mx1.elsewhere.test", "20 mx2.elsewhere.test"}, null{"0 ."};
    must(domain.write(domain.name, dns::Type::mx, {}, one));
    must(domain.write(domain.name, dns::Type::mx, one, two));
    CHECK(code_of(domain.write(domain.name, dns::Type::mx, one, null)) == ErrorCode::precondition);
    CHECK(domain.at(domain.name, dns::Type::mx) == two);
    must(domain.write(domain.name, dns::Type::mx, two, null));
    CHECK(domain.at(domain.name, dns::Type::mx) == null);
    must(domain.write(domain.name, dns::Type::mx, null, {}));
    CHECK(domain.at(domain.name, dns::Type::mx).empty());
}
