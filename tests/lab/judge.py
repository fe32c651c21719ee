"""An observer that believes nobody: polls every name server and every endpoint, and does its own arithmetic on what it saw.

It knows no margins of mxseal's: only how long the longest cache of this world may keep what a server has once answered.
"""
import dataclasses
import threading
import time
from typing import Callable, Optional

import addresses
import keys
from world import World

CACHE_SECONDS = max(addresses.TLSA_TTL, 8)  # the min-ttl resolver's cache-min-ttl
_EVERY = 0.4  # seconds between looks


@dataclasses.dataclass(frozen=True)
class Switch:
    host: str
    address: str
    old: str
    new: str
    at: float                        # between the last handshake with `old` and the first with `new`: the first with `new`
    not_before: Optional[float]      # the last answer without `new`, plus CACHE_SECONDS; None: no server ever answered without it

    @property
    def early(self) -> bool:
        return self.not_before is not None and self.at < self.not_before

    def __str__(self) -> str:
        late = "" if self.not_before is None else f", {self.at - self.not_before:+.1f} s from when every cache had to know it"
        return f"{self.host} {self.address} switched {self.old[:14]} -> {self.new[:14]}{late}"


class Judge:
    """Read `switches` and `mismatches` after stop()."""

    def __init__(self, world: World, on_first_tlsa: Callable[[str, float], None] = lambda host, at: None):
        """on_first_tlsa(host, at): called once a host, when every name server answers with TLSA records for the first time."""
        self._world = world
        self._on_first_tlsa, self._has_tlsa = on_first_tlsa, set()
        self._keys: dict[tuple[str, str], str] = {}              # (host, address) -> TLSA that its key wants
        self._last_set: dict[tuple[str, frozenset[str]], float] = {}  # (host, version) -> when a server last answered with it
        self.switches: list[Switch] = []
        self._mismatches: dict[str, None] = {}                   # each once, in order
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._end.set()
        self._thread.join(timeout=15)

    @property
    def mismatches(self) -> list[str]:
        return list(self._mismatches)

    def _run(self) -> None:
        while not self._end.wait(_EVERY):
            for host in addresses.HOSTS:
                self._look(host)

    def _look(self, host: str) -> None:
        before = self._live(host)
        shown = {address: self._key(address, host) for address in addresses.ENDPOINTS[host]}
        after = self._live(host)
        for address, key in shown.items():
            if key:
                self._note_key(host, address, key)
                # Twice, as the set and the handshake are not of one instant: a mismatch that stands in both is one.
                for live in before & after:
                    if live and key not in live:
                        answer = ", ".join(sorted(record[:14] for record in live))
                        self._mismatches[f"{host} {address} shows {key[:14]} while a server answers {answer}"] = None

    def _key(self, address: str, host: str) -> Optional[str]:
        try:
            return keys.tlsa_on_wire(address, host)
        except OSError:
            return None  # the senders complain of that, not we

    def _live(self, host: str) -> set[frozenset[str]]:
        answers = self._world.names.tlsa(host).values()
        live = {version for version in answers if version is not None}
        now = time.time()
        if host not in self._has_tlsa and all(answers):
            self._has_tlsa.add(host)
            self._on_first_tlsa(host, now)
        for version in live:
            self._last_set[host, version] = now
        return live

    def _note_key(self, host: str, address: str, key: str) -> None:
        old = self._keys.get((host, address))
        self._keys[host, address] = key
        if old and old != key:
            now = time.time()
            # No answer at all matches every key: only non-empty sets bind.
            without = [seen for (of, version), seen in self._last_set.items() if of == host and version and key not in version]
            self.switches.append(Switch(host, address, old, key, now, max(without) + CACHE_SECONDS if without else None))
