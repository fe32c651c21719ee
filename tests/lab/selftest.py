"""Proves the lab itself: that it stands, that its nasty caches are nasty, and that its senders do see a wrong step.

    python3 tests/lab/selftest.py [--keep]
"""
import pathlib
import sys
import time

import addresses
import dns
import keys
from addresses import HOSTS, MX1, MX2, RESOLVERS, TLSA_TTL
from checks import closing_line, public_functions, run_check
from isolation import isolated
from process import wait_until
from sender import MISMATCH, NO_TLSA
from world import World

_LONG_TTL = 40  # of what caches hold while a step has to be seen behind them: far longer than the step takes on a slow machine
_PATIENCE = TLSA_TTL + 8 + 3  # the longest that any cache here may hold a version that is gone from the servers: min-ttl's 8 s, and some


def the_chain_of_trust_holds_from_the_root(world: World) -> None:
    """Every resolver validates the MX set and both hosts from the lab's root key."""
    for name, address in RESOLVERS.items():
        for owner, kind in ((MX1, dns.A), (MX2, dns.A), (addresses.DOMAIN, dns.SOA)):
            answer = dns.query(address, owner, kind)
            assert answer and answer.authentic and answer.records, f"{name} does not validate {owner}"


def nobody_is_verified_before_the_first_tlsa(world: World) -> None:
    """Without TLSA no sender says Verified."""
    probes = world.watch(3)
    assert all(probe.verdict == NO_TLSA for probe in probes), [probe for probe in probes if probe.verdict != NO_TLSA][:3]


def matching_tlsa_makes_all_verified(world: World) -> None:
    """With the TLSA of the keys they serve, every sender says Verified at every endpoint."""
    for host in HOSTS:
        world.names.set_tlsa(host, [keys.tlsa_of_file(world.mail[host].combined)])
    world.wait_all_verified(30)
    _require_quiet(world, 3)


def the_secondary_lags(world: World) -> None:
    """The secondary shows a change visibly later than the primary."""
    longest = 0.0
    for turn in range(4):  # a refresh may fall right behind one change, not behind four
        world.names.update(["update delete lag.example.test. TXT", f'update add lag.example.test. 5 TXT "{turn}"'])
        begin, wanted = time.monotonic(), bytes([1]) + str(turn).encode()
        wait_until("the secondary has the change", lambda: _txt(world.names.secondary.address, "lag.example.test") == [wanted], 15, 0.02)
        longest = max(longest, time.monotonic() - begin)
    assert longest > 0.3, f"the secondary was never more than {longest:.2f} s late"


def the_min_ttl_cache_holds_longer_than_the_ttl(world: World) -> None:
    """The cache with cache-min-ttl hands out TLSA with more than the published TTL; plain does not."""
    def ttl(name: str) -> int:
        return world.resolvers[name].ask_tlsa(MX1).ttl() or 0
    wait_until("min-ttl shows a TTL above the published one", lambda: ttl("min-ttl") > TLSA_TTL, 12)
    assert all(ttl("plain") <= TLSA_TTL for _ in range(20))


def the_ca_keeps_nothing(world: World) -> None:
    """The CA's resolver sees each new TXT as soon as both servers have it."""
    for turn in (b"first", b"second"):
        world.names.update(["update delete _acme-challenge.mx1.example.test. TXT",
                            f'update add _acme-challenge.mx1.example.test. 60 TXT "{turn.decode()}"'])
        wanted = [bytes([len(turn)]) + turn]
        wait_until("both servers have the TXT", lambda: all(_txt(knot.address, "_acme-challenge.mx1.example.test") == wanted
                                                            for knot in (world.names.primary, world.names.secondary)), 15)
        assert _txt(addresses.CA_RESOLVER, "_acme-challenge.mx1.example.test") == wanted
    world.names.update(["update delete _acme-challenge.mx1.example.test. TXT"])


def the_ca_has_a_directory_and_a_root(world: World) -> None:
    """Pebble answers under the lab's own certificate and shows the root of this start."""
    assert b"newOrder" in world.ca.get(world.ca.directory)
    assert "BEGIN CERTIFICATE" in world.ca.root()


def mxseals_key_changes_no_address(world: World) -> None:
    """The TSIG key of mxseal may change TLSA, TXT and MX, not an address."""
    key = world.names.mxseal_key
    world.names.update(['update add own.example.test. 5 TXT "yes"'], key)
    try:
        world.names.update(["update add own.example.test. 5 A 127.0.0.1"], key)
    except RuntimeError as refused:
        assert "NOTAUTH" in str(refused), refused  # Knot's word for an access rule that does not fit, though the key is the right one
    else:
        raise AssertionError("an A record was taken")


def a_patient_roll_is_seen_by_nobody(world: World) -> None:
    """Publish, wait out all caches, swap, then remove: no sender fails."""
    begin, fresh = time.time(), _fresh(world, MX1, "ec")
    old, new = keys.tlsa_of_file(world.mail[MX1].combined), keys.tlsa_of_file(fresh)
    world.names.set_tlsa(MX1, [old, new])
    world.names.wait_tlsa_everywhere(MX1, [old, new])
    time.sleep(_PATIENCE)
    world.mail[MX1].serve(fresh.read_text())
    wait_until("both addresses show the new key", lambda: all(keys.tlsa_on_wire(a, MX1) == new for a in addresses.ENDPOINTS[MX1]), 10)
    world.names.set_tlsa(MX1, [new])
    world.names.wait_tlsa_everywhere(MX1, [new])
    _require_quiet(world, 4)
    bad = [probe for probe in world.senders.since(begin) if not probe.verified]
    assert not bad, bad[:3]


def a_key_without_tlsa_is_seen_by_everybody(world: World) -> None:
    """A key that is swapped without its TLSA makes every sender fail."""
    _require_noticed(world, MX2, publish=False, by=set(RESOLVERS))


def a_hasty_roll_is_seen_behind_each_cache(world: World) -> None:
    """A key that is swapped as soon as both servers have its TLSA fails behind every cache that asked right before the change."""
    _require_noticed(world, MX1, publish=True, by=set(RESOLVERS))


def the_stale_cache_answers_while_the_servers_are_away(world: World) -> None:
    """With both name servers unreachable and the TTL over, the stale cache still has the TLSA; the plain one does not."""
    servers = (world.names.primary.server, world.names.secondary.server)
    assert world.resolvers["stale"].ask_tlsa(MX1).tlsa()
    for server in servers:
        server.pause()
    try:
        time.sleep(TLSA_TTL + 1)
        wait_until("plain has lost the TLSA", lambda: not _tlsa(world, "plain"), 20)
        assert _tlsa(world, "stale"), "stale has lost it too"
    finally:
        for server in servers:
            server.resume()
    world.wait_all_verified(40)


def _tlsa(world: World, name: str) -> frozenset[str]:
    answer = world.resolvers[name].ask_tlsa(MX1)
    return answer.tlsa() if answer and answer.rcode == dns.NOERROR else frozenset()


def _txt(server: str, owner: str) -> list[bytes]:
    answer = dns.query(server, owner, dns.TXT)
    return [data for _, data in answer.records] if answer else []


def _ask_anew(world: World, host: str, resolvers: set[str]) -> None:
    """Each of `resolvers` drops its TLSA of `host` and takes what the servers have."""
    for name in resolvers:
        world.resolvers[name].control("flush_type", addresses.tlsa_owner(host), "TLSA")
        answer = world.resolvers[name].ask_tlsa(host)
        assert answer and answer.tlsa(), f"{name} has no TLSA of {host}"


def _fresh(world: World, host: str, algorithm: str) -> pathlib.Path:
    file = world.folder / "fresh" / f"{time.monotonic_ns()}.pem"
    keys.self_made(host, file, algorithm)
    return file


def _require_quiet(world: World, seconds: float) -> None:
    bad = [probe for probe in world.watch(seconds) if not probe.verified]
    assert not bad, bad[:3]


def _require_noticed(world: World, host: str, publish: bool, by: set[str]) -> None:
    """Swaps the key of `host`, too early or unpublished; all of `by` must fail at it. Mends it again."""
    fresh = _fresh(world, host, "ec")
    before = world.mail[host].combined.read_text()
    old, new = keys.tlsa_of_file(world.mail[host].combined), keys.tlsa_of_file(fresh)
    if publish:
        world.names.set_tlsa(host, [old], _LONG_TTL)
        wait_until("both servers have the longer TTL", lambda: all(ttl == _LONG_TTL for ttl in world.names.tlsa_ttl(host)), 15)
        _ask_anew(world, host, by)
        world.names.set_tlsa(host, [old, new])
        world.names.wait_tlsa_everywhere(host, [old, new])
    begin = time.time()
    world.mail[host].serve(fresh.read_text())

    def failing() -> set[str]:
        return {probe.resolver for probe in world.senders.since(begin) if probe.host == host and probe.verdict == MISMATCH}
    try:
        wait_until(f"failures at {host} behind {sorted(by)}", lambda: failing() >= by, 20)
    finally:
        world.mail[host].serve(before)
        world.names.set_tlsa(host, [old])
        if publish:
            world.names.wait_tlsa_everywhere(host, [old])
            _ask_anew(world, host, by)
        world.wait_all_verified(30)
    others = [probe for probe in world.senders.since(begin) if probe.host != host and not probe.verified]
    assert not others, f"the other host failed too: {others[:3]}"


def main(folder: pathlib.Path) -> int:
    passed = failed = 0
    begin = time.monotonic()
    with World(folder) as world:
        print(f"the world stands after {time.monotonic() - begin:.1f} s", flush=True)
        world.senders.start()
        for check in public_functions(sys.modules[__name__]):
            if check is main:
                continue
            if run_check(check, world):
                passed += 1
            else:
                failed += 1
        world.require_healthy()
    return closing_line(passed, failed)


if __name__ == "__main__":
    isolated(main, keep="--keep" in sys.argv)
