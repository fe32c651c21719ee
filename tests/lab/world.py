"""The world: a signed tree of name servers, four caches, a CA, two MTAs and the senders, all on loopback.

    with World(folder) as world: ...

Made inside isolation.isolated(); every server is stopped by its own pid at the end of the `with`.
"""
import concurrent.futures
import pathlib
import time
from typing import Callable, Optional

import addresses
import isolation
from knot import NameServers
from pebble import Pebble
from postfix import Postfix
from process import Server, wait_until
from sender import Probe, Senders, combinations, seen_combinations
from unbound import Unbound


class World:
    def __init__(self, folder: pathlib.Path, on_probe: Optional[Callable[[Probe], None]] = None):
        self.folder = folder
        self._on_probe = on_probe
        self._to_stop: list[Server] = []
        self.began = time.monotonic()

    def __enter__(self) -> "World":
        isolation.add_addresses(addresses.ALL)
        resolv_conf = self.folder / "resolv.conf"
        resolv_conf.write_text(f"nameserver {addresses.RESOLVERS['plain']}\noptions edns0 trust-ad\n")
        isolation.bind_over(resolv_conf, "/etc/resolv.conf")
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _start(self) -> None:
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            mail = {host: pool.submit(Postfix, host, self.folder, algorithm)
                    for host, algorithm in ((addresses.MX1, "ec"), (addresses.MX2, "rsa"))}
            ca = pool.submit(Pebble, self.folder)
            self.names = self._stopped_later(pool.submit(NameServers, self.folder).result())
            self.resolvers = {name: self._resolver(name, address) for name, address in addresses.RESOLVERS.items()}
            self.ca_resolver = self._resolver("ca", addresses.CA_RESOLVER)
            self.mail = {host: self._stopped_later(future.result()) for host, future in mail.items()}
            self.ca = self._stopped_later(ca.result())
            self.names.wait_ready()
            # Asked before all others: this cache has its own phase.
            self.resolvers["older"].wait_ready()
            ready = [*self.resolvers.values(), self.ca_resolver, self.ca, *self.mail.values()]
            for future in [pool.submit(part.wait_ready) for part in ready]:
                future.result()
        self.senders = Senders(self.folder, self._on_probe)

    def _resolver(self, name: str, address: str) -> Unbound:
        return self._stopped_later(Unbound(name, self.folder, address, self.names.trust_anchor, self.names.root_hints))

    def _stopped_later(self, part):
        servers = [part.server] if hasattr(part, "server") else [part.parent.server, part.primary.server, part.secondary.server]
        self._to_stop.extend(servers)
        return part

    def __exit__(self, *_) -> None:
        if hasattr(self, "senders"):
            self.senders.stop()
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            list(pool.map(Server.stop, reversed(self._to_stop)))

    def stop_later(self, server: Server) -> None:
        """One more server that ends with the world, before all others."""
        self._to_stop.append(server)

    def forget(self, server: Server) -> None:
        """It was ended on purpose."""
        self._to_stop.remove(server)

    def forget_zone(self) -> None:
        """No resolver knows anything of example.test any more, nor that it was once bogus; each has learnt it anew."""
        for resolver in (*self.resolvers.values(), self.ca_resolver):
            resolver.control("flush_zone", "test.")
            resolver.control("flush_infra", "all")
        # How far away each server is, is learnt again too: a CA that asks meanwhile, on a slow machine, gives up.
        for resolver in (*self.resolvers.values(), self.ca_resolver):
            resolver.wait_ready()

    def require_healthy(self) -> None:
        """No server has died by itself."""
        for server in self._to_stop:
            server.require_running()
        self.senders.require_running()

    def wait_all_verified(self, seconds: float, rounds: int = 2) -> float:
        """Until every (resolver x endpoint) was Verified `rounds` times in a row; gives the instant from which that held."""
        wanted = combinations()

        def settled() -> Optional[float]:
            recent: dict[tuple[str, str, str], list[Probe]] = {key: [] for key in wanted}
            for probe in sorted(self.senders.since(0), key=lambda p: p.at):
                recent[probe.resolver, probe.host, probe.family].append(probe)
            last = [probes[-rounds:] for probes in recent.values()]
            if any(len(probes) < rounds or not all(p.verified for p in probes) for probes in last):
                return None
            return max(probes[0].at for probes in last)
        return wait_until(f"every sender says Verified {rounds} times", settled, seconds, every=0.2)

    def watch(self, seconds: float) -> list[Probe]:
        """Lets the senders work for so long and gives their probes; every combination must have spoken."""
        begin = time.time()
        time.sleep(seconds)
        end = time.time()
        wait_until("each sender has ended a probe", lambda: seen_combinations(self.senders.since(begin, end)) == combinations(), 15)
        return self.senders.since(begin, end)
