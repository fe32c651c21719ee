#include "providers/changes.hpp"

#include "base/dns/tlsa.hpp"
#include "base/dns/txt.hpp"

#include <catch2/catch.hpp>

using namespace mxseal;
using namespace mxseal::providers;

namespace {

const Zone kZone{dns::Name::parse("example.test").value(), "", std::nullopt};
const dns::Name kOwner = dns::Name::parse("_25._tcp.mx1.example.test").value();
const Ttl kHour{3600};

Bytes tlsa(std::uint8_t number) { return dns::dane_ee_spki_sha256(Bytes(32, number)).wire(); }
Rrset standing(std::vector<Bytes> values, Ttl ttl = kHour) { return {kOwner, dns::Type::tlsa, ttl, canonical(std::move(values))}; }

struct Row {
    const char* what;
    std::optional<Rrset> before;
    Operation operation;
    std::optional<Rrset> after;
};

} // namespace

TEST_CASE("what an operation makes of an RRset") {
    auto row = GENERATE(values<Row>({
        {"add to nothing", std::nullopt, Add{{tlsa(1)}, kHour}, standing({tlsa(1)})},
        {"add nothing to nothing", std::nullopt, Add{{}, kHour}, std::nullopt},
        {"add what is there", standing({tlsa(1)}), Add{{tlsa(1)}, kHour}, standing({tlsa(1)})},
        {"add sets the TTL", standing({tlsa(1)}), Add{{tlsa(2)}, Ttl(60)}, standing({tlsa(1), tlsa(2)}, Ttl(60))},
        {"remove from nothing", std::nullopt, Remove{{tlsa(1)}}, std::nullopt},
        {"remove one of two", standing({tlsa(1), tlsa(2)}), Remove{{tlsa(2), tlsa(2), tlsa(9)}}, standing({tlsa(1)})},
        {"remove the last", standing({tlsa(1)}), Remove{{tlsa(1)}}, std::nullopt},
        {"replace", standing({tlsa(1), tlsa(2)}), Replace{{tlsa(3), tlsa(2), tlsa(3)}, Ttl(60)}, standing({tlsa(2), tlsa(3)}, Ttl(60))},
        {"replace with nothing", standing({tlsa(1)}), Replace{{}, kHour}, std::nullopt},
    }));
    INFO(row.what);
    auto planned = plan_change({kOwner, dns::Type::tlsa, row.operation}, row.before, std::nullopt).value();
    CHECK(planned.before == row.before);
    CHECK(planned.after == row.after);
    CHECK(planned.changes_anything() == (row.before != row.after));
    CHECK(planned.to_string() == "TLSA _25._tcp.mx1.example.test");
}

TEST_CASE("a zone's least TTL raises what is written, and leaves what stands") {
    CHECK(plan_change({kOwner, dns::Type::tlsa, Add{{tlsa(1)}, Ttl(60)}}, std::nullopt, kHour).value().after->ttl == kHour);
    CHECK(plan_change({kOwner, dns::Type::tlsa, Replace{{tlsa(1)}, Ttl(7200)}}, std::nullopt, kHour).value().after->ttl == Ttl(7200));
    auto removed = plan_change({kOwner, dns::Type::tlsa, Remove{{tlsa(1)}}}, standing({tlsa(1), tlsa(2)}, Ttl(60)), kHour).value();
    CHECK(removed.after->ttl == Ttl(60));
}

TEST_CASE("an expectation is held against what stands there") {
    auto plan = [](Precondition precondition, std::optional<Rrset> before) {
        return plan_change({kOwner, dns::Type::tlsa, Add{{tlsa(5)}, kHour}, std::move(precondition)}, std::move(before), std::nullopt).ok();
    };
    auto two = standing({tlsa(1), tlsa(2)});
    CHECK(plan(Any{}, two));
    CHECK(plan(MustBeAbsent{}, std::nullopt));
    CHECK_FALSE(plan(MustBeAbsent{}, two));
    CHECK(plan(MustEqual{{tlsa(2), tlsa(1), tlsa(2)}}, two));
    CHECK_FALSE(plan(MustEqual{{tlsa(1)}}, two));
    CHECK_FALSE(plan(MustEqual{{tlsa(1), tlsa(2), tlsa(3)}}, two));
    CHECK(plan(MustEqual{{}}, std::nullopt));
    CHECK_FALSE(plan(MustEqual{{tlsa(1)}}, std::nullopt));
}

TEST_CASE("malformed values are refused when they are new, and kept when they stand there") {
    Bytes short_digest{3, 1, 1, 0xab, 0xcd}, sha512_cut = tlsa(1);
    sha512_cut[2] = 2;
    for (const Bytes& value : {Bytes{}, Bytes{3, 1}, Bytes{3, 1, 0}, short_digest, sha512_cut})
        CHECK(plan_change({kOwner, dns::Type::tlsa, Add{{value}, kHour}}, std::nullopt, std::nullopt).error().code() == ErrorCode::invalid);
    auto beside = plan_change({kOwner, dns::Type::tlsa, Add{{tlsa(1)}, kHour}}, standing({short_digest}), std::nullopt).value();
    CHECK(beside.after == standing({short_digest, tlsa(1)}));
    CHECK(plan_change({kOwner, dns::Type::txt, Add{{Bytes{9, 'x'}}, kHour}}, std::nullopt, std::nullopt).error().code() == ErrorCode::invalid);
    CHECK(plan_change({kOwner, dns::Type::txt, Add{{dns::txt_rdata(std::string(20000, 'x'))}, kHour}}, std::nullopt, std::nullopt).error().code() ==
          ErrorCode::invalid);
}

TEST_CASE("a list of changes is checked before anything is asked") {
    auto check = [](std::vector<Change> changes, std::size_t most = 2) { return check_changes(kZone, changes, most); };
    Change good{kOwner, dns::Type::tlsa, Add{{tlsa(1)}, kHour}};
    CHECK(check({}).ok());
    CHECK(check({good}).ok());
    CHECK(check({good, {kOwner, dns::Type::txt, Remove{{}}}}).ok());
    CHECK(check({good, good}).error().code() == ErrorCode::invalid);
    CHECK(check({good}, 0).error().code() == ErrorCode::invalid);
    CHECK(check({{dns::Name::parse("example.org").value(), dns::Type::tlsa, Add{{tlsa(1)}, kHour}}}).error().code() == ErrorCode::not_managed);
    CHECK(check({{dns::Name::parse("notexample.test").value(), dns::Type::tlsa, Add{{tlsa(1)}, kHour}}}).error().code() == ErrorCode::not_managed);
    CHECK(check({{kOwner, dns::Type::tlsa, Add{{tlsa(1)}, Ttl(-1)}}}).error().code() == ErrorCode::invalid);
    CHECK(check({{kOwner, dns::Type::tlsa, Replace{{tlsa(1)}, Ttl(2147483648)}}}).error().code() == ErrorCode::invalid);
    for (auto type : {dns::Type::soa, dns::Type::ns, dns::Type::rrsig, dns::Type::dnskey, dns::Type::nsec, dns::Type::nsec3})
        CHECK(check({{kZone.apex, type, Replace{{}, kHour}}}).error().code() == ErrorCode::invalid);
}
