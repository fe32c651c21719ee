"""An observer of policies that believes nobody: asks each name server for the id and each address of the endpoint for the body.

What it holds mxseal to (RFC 8461 section 8.1): from when any name server answers with an id, no address answers with a body older than
the one that this id announces; an id that has gone does not come back.
"""
import http.client
import pathlib
import socket
import ssl
import threading
from typing import Optional

import addresses
import dns
from world import World

_EVERY = 0.4  # seconds between looks
_REPLICAS = (addresses.ENDPOINT, addresses.REPLICA)


class PolicyJudge:
    """Read `faults` after stop(); `ids` and `bodies` at any time, oldest first."""

    def __init__(self, world: World, domain: str, roots: pathlib.Path, record: Optional[str] = None):
        """record: where the id stands, unless at `_mta-sts.<domain>` itself."""
        self._world, self._record, self._name = world, record or f"_mta-sts.{domain}", f"mta-sts.{domain}"
        self._context = ssl.create_default_context(cafile=str(roots))
        self.bodies: list[str] = []             # in the order in which they were first served
        self.ids: dict[str, int] = {}           # the body that each announces: its place in `bodies`
        self._gone: set[str] = set()
        self._faults: dict[str, None] = {}      # each once, in order
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._end.set()
        self._thread.join(timeout=30)

    @property
    def faults(self) -> list[str]:
        return list(self._faults)

    def served(self) -> dict[str, str]:
        """What each address answers now; empty: no policy."""
        return {address: self._fetch(address) for address in _REPLICAS}

    def announced(self) -> dict[str, Optional[str]]:
        """The id that each name server answers now; empty: none, None: no answer."""
        servers = (self._world.names.primary, self._world.names.secondary)
        answers = {knot.name: dns.query(knot.address, self._record, dns.TXT, 1) for knot in servers}
        return {name: _id_of(answer) if answer else None for name, answer in answers.items()}

    def _run(self) -> None:
        while not self._end.wait(_EVERY):
            self._look()

    def _look(self) -> None:
        answers = self.announced().values()
        announced = {found for found in answers if found}
        served = self.served()
        for body in served.values():
            if body and body not in self.bodies:
                self.bodies.append(body)
        for found in announced:
            if found not in self.ids:
                self._first_seen(found, served)
            if found in self._gone:
                self._fault(f"id {found} is back")
            for address, body in served.items():
                if not body or self.bodies.index(body) < self.ids[found]:
                    self._fault(f"id {found} is announced while {address} serves {_short(body)}")
        if None not in answers:
            self._gone.update(set(self.ids) - announced)

    def _first_seen(self, found: str, served: dict[str, str]) -> None:
        places = {self.bodies.index(body) for body in served.values() if body}
        self.ids[found] = max(places, default=len(self.bodies))

    def _fault(self, text: str) -> None:
        self._faults[text] = None

    def _fetch(self, address: str) -> str:
        try:
            with socket.create_connection((address, 443), timeout=5) as wire, self._context.wrap_socket(wire, server_hostname=self._name) as tls:
                tls.sendall(f"GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost: {self._name}\r\nConnection: close\r\n\r\n".encode())
                answer = http.client.HTTPResponse(tls)
                answer.begin()
                return answer.read(65536).decode() if answer.status == 200 else ""
        except (OSError, http.client.HTTPException):
            return ""


def _id_of(answer: dns.Answer) -> str:
    """RFC 8461 section 3.1: `v=STSv1; id=..;`."""
    for text in answer.texts():
        fields = dict(part.strip().partition("=")[::2] for part in text.split(";") if part.strip())
        if fields.get("v") == "STSv1":
            return fields.get("id", "")
    return ""


def _short(body: str) -> str:
    return " / ".join(line for line in body.splitlines()[1:]) or "nothing"
