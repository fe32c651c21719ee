"""Scenarios that need the world but not mxseal: what DANE senders and caches do is the ground that mxseal stands on."""
import time

import addresses
import keys
from addresses import MX1, MX2, TLSA_TTL
from process import wait_until
from sender import MISMATCH
from world import World

_MEMORY = 30  # seconds


def _publish(world: World) -> None:
    for host in addresses.HOSTS:
        world.names.set_tlsa(host, [keys.tlsa_of_file(world.mail[host].combined)])
    world.senders.start()
    world.wait_all_verified(30)


def removed_tlsa_frees_the_key_only_after_the_caches_forgot(world: World) -> None:
    """After TLSA is removed everywhere, a new key still fails behind a cache, and no cache binds it once its time is over (W4)."""
    _publish(world)
    # The cache with the longest memory, here longer still, so that a slow machine does the rest within it, has just filled itself again.
    world.resolvers["min-ttl"].control("set_option", f"cache-min-ttl: {_MEMORY}")
    wait_until("min-ttl has just asked again", lambda: (world.resolvers["min-ttl"].ask_tlsa(MX1).ttl() or 0) > _MEMORY - 5, _MEMORY)
    world.names.set_tlsa(MX1, [])
    world.names.wait_tlsa_everywhere(MX1, [])
    fresh = world.folder / "fresh.pem"
    keys.self_made(MX1, fresh, "ec")
    begin = time.time()
    world.mail[MX1].serve(fresh.read_text())
    failed = wait_until("a sender behind min-ttl fails", lambda: [p for p in world.senders.since(begin) if p.host == MX1 and p.verdict == MISMATCH], 30)
    assert {probe.resolver for probe in failed} <= set(addresses.RESOLVERS)
    wait_until("no cache has a TLSA of mx1 any more",
               lambda: not any(resolver.ask_tlsa(MX1).tlsa() for resolver in world.resolvers.values()), _MEMORY + TLSA_TTL)
    assert not any(probe.verdict == MISMATCH for probe in world.watch(3) if probe.host == MX1)
    assert all(probe.verified for probe in world.senders.since(begin) if probe.host == MX2)


def a_host_that_is_down_fails_alone(world: World) -> None:
    """When one MTA stops, senders fail at that host only, and are Verified again once it is back."""
    _publish(world)
    begin = time.time()
    world.mail[MX2].server.stop()
    wait_until("failures at mx2", lambda: any(p.host == MX2 and not p.verified for p in world.senders.since(begin)), 10)
    world.mail[MX2].server.start()
    world.mail[MX2].wait_ready()
    world.wait_all_verified(20)
    assert all(probe.verified for probe in world.senders.since(begin) if probe.host == MX1)
