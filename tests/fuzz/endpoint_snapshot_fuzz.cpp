// Packed snapshots: a file may be copied by hand, and its checksum says nothing about who wrote it.
#include "mta-sts-server/snapshot.hpp"
#include "mta-sts-server/sum.hpp"

#include <cstdlib>

#include <sys/mman.h>
#include <unistd.h>

using namespace mxseal;
using namespace mxseal::server;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const ByteView input(data, size);
    if (auto site = read_record(input)) {
        auto again = write_record({site->name, site->policy, site->certificate, {site->key.scalar.clone(), site->key.point}, {}}, site->issuer_set);
        if (again && Bytes(input.begin(), input.end()) != *again) std::abort();
    }
    (void)read_issuer_sets(input, 3);
    (void)read_index(input, size);
    // The whole way, with head and sum put right so that what lies between is reached.
    Bytes file = write_head();
    file.insert(file.end(), input.begin(), input.end());
    Sum sum;
    sum.add(file);
    const auto octets = sum.finish();
    file.insert(file.end(), octets.begin(), octets.end());
    FileDescriptor memory(::memfd_create("snapshot", MFD_CLOEXEC));
    if (::write(memory.get(), file.data(), file.size()) != static_cast<ssize_t>(file.size())) return 0;
    auto snapshot = Snapshot::read(std::move(memory));
    if (!snapshot) return 0;
    auto found = (*snapshot)->find("mta-sts.example.org");
    if (found && *found && (*found)->name != "mta-sts.example.org") std::abort();
    return 0;
}
