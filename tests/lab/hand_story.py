"""A domain whose zone is edited by hand: customers.test, in which mxseal may change nothing and for which its configuration has no provider.

The operator does what `mxseal status` prints and nothing else: its lines `  add     RECORD` and `  remove  RECORD` become nsupdate's.
The endpoint is two `mxseal serve`, one on the agent's own files and a replica, as in shared_story.
"""
import contextlib
import re
from typing import Iterator

import addresses
import dns
import policy_story
from mxseal import Mxseal
from policy_story import Story
from process import Server, TooLate, wait_until
from world import World

DOMAIN = f"hand.{addresses.CUSTOMERS}"
_TTL = addresses.TLSA_TTL
_PATIENCE = 90
_LINE = re.compile(r"^  (add|remove) +(\S+) (.+)$", re.MULTILINE)


def configure(world: World, mxseal: Mxseal, at_once: bool = False) -> None:
    """Endpoint and profile, before the agent starts; and the one MX host of the domain."""
    roots = world.folder / "roots.pem"
    roots.write_text(world.ca.root())
    acme = f'{{directory: "{world.ca.directory}", accept_terms: true, ca_file: {world.ca.ca_file}, challenge: tls-alpn-01}}'
    mxseal.change_config("acme:\n", f"acme:\n  alpn: {acme}\n")
    mxseal.change_config("domains:\n", (
        f'endpoint: {{certificate: alpn, allow_private: on, probe_ca_file: {roots}}}\n'
        f'profiles:\n  guarded:\n    mta_sts: {{mode: enforce, {"at_once: on, " if at_once else ""}max_age: {policy_story.MAX_AGE}s, txt_ttl: {_TTL}s}}\n'
        '    tls_rpt: {rua: ["mailto:reports@example.test"]}\ndomains:\n'))
    world.names.update([f"update add {DOMAIN}. {_TTL} MX 10 {addresses.MX1}."], zone=addresses.CUSTOMERS)
    wait_until(f"both name servers know {DOMAIN}", lambda: all(_mx(knot.address) for knot in (world.names.primary, world.names.secondary)), 15)


def _mx(server: str) -> bool:
    answer = dns.query(server, DOMAIN, dns.MX, 1)
    return bool(answer and answer.records)


class HandStory(Story):
    def __init__(self, world: World, mxseal: Mxseal):
        super().__init__(world, mxseal, domain=DOMAIN)
        snapshot = mxseal.folder / "state" / "endpoint.snapshot"
        self._serve = Server("mxseal serve", [str(mxseal.binary), "serve", "--snapshot", str(snapshot), "--listen", f"{addresses.ENDPOINT}:443"], mxseal.folder / "serve.log")

    @contextlib.contextmanager
    def told(self) -> Iterator["HandStory"]:
        with super().told():
            self.world.stop_later(self._serve.start())
            yield self

    def printed(self) -> str:
        """What an operator reads."""
        return self.mxseal.run_any("status")

    def asked(self, owner: str, text: str = "") -> list[str]:
        """Those of the printed records that stand at this owner and hold the text, as lines for nsupdate."""
        verbs = {"add": "update add", "remove": "update delete"}
        return [f"{verbs[verb]} {name} {rest}" for verb, name, rest in _LINE.findall(self.printed()) if name == f"{owner}." and text in rest]

    def wait_asked(self, owner: str, text: str = "", seconds: float = _PATIENCE) -> list[str]:
        try:
            return wait_until(f"the operator is asked to change {owner} ({text})", lambda: self.asked(owner, text), seconds, every=0.4)
        except TooLate as late:
            raise TooLate(f"{late}; it prints: {self.printed()}") from late

    def wait_asked_id(self, seconds: float = _PATIENCE) -> list[str]:
        """A new id is asked for; when it is, both addresses serve one and the same policy."""
        lines = self.wait_asked(f"_mta-sts.{DOMAIN}", "v=STSv1; id=", seconds)
        served = self.judge.served()
        assert len(set(served.values())) == 1 and all(served.values()), f"an id is asked for while the addresses serve {served}"
        return lines

    def change(self, lines: list[str]) -> None:
        """The operator's hand."""
        self.world.names.update(lines, zone=addresses.CUSTOMERS)

    def announce(self) -> None:
        """The id that is asked for is set, and mxseal goes on."""
        self.change(self.wait_asked_id())
        self.wait("it sees the id", lambda policy: policy.get("txt_live") is True)

    def point(self) -> None:
        """mta-sts.<domain> leads to the endpoint."""
        self.change([f"update add mta-sts.{DOMAIN}. {_TTL} A {address}" for address in (addresses.ENDPOINT, addresses.REPLICA)])
