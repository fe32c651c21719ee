// The file of challenges: read at once when it changes, by the process that faces the internet.
#include "mta-sts-server/challenges_file.hpp"
#include "mta-sts-server/sum.hpp"

#include <algorithm>
#include <cstdlib>

using namespace mxseal;
using namespace mxseal::server;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    (void)unpack_challenges({data, size});
    // With head and sum put right, so that what lies between is reached: what is taken is written again with the same octets.
    static constexpr std::array<std::uint8_t, 16> kHead{'m', 'x', 's', 'e', 'a', 'l', 'C', 'H', 1};
    Bytes file(kHead.begin(), kHead.end());
    file.insert(file.end(), data, data + size);
    Sum sum;
    sum.add(file);
    const auto octets = sum.finish();
    file.insert(file.end(), octets.begin(), octets.end());
    auto challenges = unpack_challenges(file);
    if (!challenges) return 0;
    auto again = pack_challenges(*challenges);
    if (!again || !std::equal(file.begin(), file.end(), again->reveal().begin(), again->reveal().end())) std::abort();
    return 0;
}
