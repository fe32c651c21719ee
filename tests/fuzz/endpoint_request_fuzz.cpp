// What comes over an established connection: heads of requests, names in them, and the answers that are made.
#include "mta-sts-server/answers.hpp"
#include "mta-sts-server/served_name.hpp"

#include <cstdlib>

using namespace mxseal;
using namespace mxseal::server;

namespace {

void expect(bool holds) {
    if (!holds) std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    static const std::string name = "mta-sts.example.org", policy = "version: STSv1\r\n";
    static Challenges challenges;
    challenges.http[name]["token"] = "token.thumbprint";

    if (auto served = served_name(text)) expect(served->size() <= 253 && served_name(*served) == *served);
    (void)name_of_authority(text);
    (void)offers_only_acme(view_of(text));

    // At once and octet by octet: the same reading.
    const Limits limits;
    std::size_t looked_at = 0, all = 0;
    const auto whole = read_head(text, all, limits);
    HeadReading piecewise;
    for (std::size_t i = 0; i <= size && i <= 2 * limits.head_bytes && piecewise.kind == HeadReading::Kind::incomplete; ++i) piecewise = read_head(text.substr(0, i), looked_at, limits);
    if (whole.kind == HeadReading::Kind::complete) expect(piecewise.kind == HeadReading::Kind::complete && piecewise.head.target == whole.head.target);

    const auto answer = answer_tls(whole, name, policy, 7);
    expect(answer.status != 200 || (whole.kind == HeadReading::Kind::complete && answer.body == policy));
    const auto plain = answer_plain(whole, challenges);
    expect(plain.status != 200 || plain.body == "token.thumbprint");
    std::string out;
    write_answer(out, answer, "now");
    expect(out.starts_with("HTTP/1.1 "));
    return 0;
}
