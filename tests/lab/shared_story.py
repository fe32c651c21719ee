"""Customers of a hoster who share one TXT record (RFC 8461 section 8.2): `_mta-sts.<customer>` and `mta-sts.<customer>` are aliases of the
hoster's names, in a zone of their own in which mxseal may change nothing.

The endpoint is two `mxseal serve`, one on the agent's own files and a replica; certificates come by tls-alpn-01, for which a CNAME is enough.
"""
import contextlib
import time
from typing import Any, Callable, Iterator, Optional

import addresses
import dns
import policy_story
from mxseal import Mxseal
from policy_judge import PolicyJudge
from policy_sender import COLD, Look, PolicySenders
from process import Server, TooLate, wait_until
from replica import Replica
from world import World

RECORD, ENDPOINT_NAME = f"_mta-sts.hosting.{addresses.DOMAIN}", f"mta-sts.hosting.{addresses.DOMAIN}"
_PROFILE = "hosted"
_PATIENCE = 90
_TTL = addresses.TLSA_TTL


def domain_of(customer: str) -> str:
    return f"{customer}.{addresses.CUSTOMERS}"


def configure(world: World, mxseal: Mxseal) -> None:
    """Endpoint and profile, before the agent starts, and the hoster's own name of the endpoint."""
    roots = world.folder / "roots.pem"
    roots.write_text(world.ca.root())
    acme = f'{{directory: "{world.ca.directory}", accept_terms: true, ca_file: {world.ca.ca_file}, challenge: tls-alpn-01}}'
    mxseal.change_config("acme:\n", f"acme:\n  alpn: {acme}\n  another: {acme}\n")
    mxseal.change_config("domains:\n", (
        f'endpoint: {{certificate: alpn, allow_private: on, probe_ca_file: {roots}}}\n'
        f'profiles:\n  {_PROFILE}:\n    mta_sts: {{mode: enforce, at_once: on, max_age: {policy_story.MAX_AGE}s, txt_ttl: {_TTL}s, txt_target: {RECORD}}}\n'
        'domains:\n'))
    world.names.update([f"update add {ENDPOINT_NAME}. {_TTL} A {address}" for address in (addresses.ENDPOINT, addresses.REPLICA)])


class SharedStory:
    """The customers, their endpoint, their senders and judges."""

    def __init__(self, world: World, mxseal: Mxseal):
        self.world, self.mxseal = world, mxseal
        self.roots = world.folder / "roots.pem"
        snapshot = mxseal.folder / "state" / "endpoint.snapshot"
        self._serve = Server("mxseal serve", [str(mxseal.binary), "serve", "--snapshot", str(snapshot), "--listen", f"{addresses.ENDPOINT}:443"],
                             mxseal.folder / "serve.log")
        self.replica = Replica(world.folder, mxseal.binary, snapshot)
        self.judges: dict[str, PolicyJudge] = {}
        self._senders: list[PolicySenders] = []

    @contextlib.contextmanager
    def told(self) -> Iterator["SharedStory"]:
        self.world.stop_later(self.replica.start(_PATIENCE).server)
        self.world.stop_later(self._serve.start())
        try:
            yield self
            for senders in self._senders:
                senders.require_running()
        finally:
            for part in (*self.judges.values(), *self._senders, self.replica):
                part.stop()

    def point(self, customer: str, *halves: str) -> None:
        """The customer's hand: its MX record, and these halves of a delegation, `_mta-sts` (the id) and `mta-sts` (the policy)."""
        target = {"_mta-sts": RECORD, "mta-sts": ENDPOINT_NAME}
        name = domain_of(customer)
        self._change([f"update add {name}. {_TTL} MX 10 {addresses.MX1}.", *(f"update add {half}.{name}. {_TTL} CNAME {target[half]}." for half in halves)])
        wait_until(f"both name servers know {name}", lambda: all(_knows(knot.address, name) for knot in (self.world.names.primary, self.world.names.secondary)), 15)

    def take_away(self, customer: str, half: str) -> None:
        self._change([f"update delete {half}.{domain_of(customer)}. CNAME"])

    def _change(self, lines: list[str]) -> None:
        self.world.names.update(lines, zone=addresses.CUSTOMERS)

    def add(self, *customers: str) -> None:
        self.mxseal.run("domain", "add", *map(domain_of, customers), "--profile", _PROFILE)

    def watch(self, *customers: str) -> None:
        """Senders and a judge for each, from here on."""
        senders = PolicySenders(self.world.folder, [domain_of(customer) for customer in customers], self.roots, policy_story.REFRESH)
        self._senders.append(senders)
        senders.start()
        for customer in customers:
            self.judges[customer] = PolicyJudge(self.world, domain_of(customer), self.roots, RECORD)
            self.judges[customer].start()

    def id(self) -> Optional[str]:
        """What every name server answers with, at the record that all share; None: they differ."""
        answers = set(next(iter(self.judges.values())).announced().values())
        return answers.pop() if len(answers) == 1 else None

    def policy(self, customer: str) -> dict[str, Any]:
        found = [domain for domain in self.mxseal.status()["domains"] if domain["domain"] == domain_of(customer)]
        return (found[0].get("mta_sts") or {}) if found else {}

    def wait(self, customer: str, what: str, reached: Callable[[dict[str, Any]], bool], seconds: float = _PATIENCE) -> dict[str, Any]:
        """Until `mxseal status` says so of the customer; gives what it says."""
        last: dict[str, Any] = {}

        def seen() -> Optional[dict[str, Any]]:
            nonlocal last
            self.mxseal.agent.require_running()
            last = self.policy(customer)
            return last if reached(last) else None
        try:
            return wait_until(f"{domain_of(customer)}: {what}", seen, seconds, every=0.4)
        except TooLate as late:
            raise TooLate(f"{late}; it says {last}") from late

    def wait_announced(self, *customers: str, max_age: int = policy_story.MAX_AGE) -> None:
        for customer in customers:
            self.wait(customer, f"a policy of max_age {max_age} is announced everywhere",
                      lambda policy: policy.get("mode") == "enforce" and policy.get("max_age") == max_age and policy.get("txt_live") is True)

    def wait_senders(self, customers: list[str], what: str, passes: Callable[[Look], bool], seconds: float = 30) -> None:
        """Until the newest look of the sender that keeps nothing says so, for each customer behind every resolver."""
        begin = time.time()
        wanted = {(domain_of(customer), resolver) for customer in customers for resolver in addresses.RESOLVERS}

        def all_say() -> bool:
            newest = {(look.domain, look.resolver): look for senders in self._senders for look in senders.since(begin) if look.sender == COLD}
            return all(key in newest and passes(newest[key]) for key in wanted)
        wait_until(f"every sender without a cache sees {what}", all_say, seconds, every=0.3)

    def require_no_fault(self, *customers: str, until: float = float("inf")) -> None:
        """No sender of these failed before `until`, and no judge saw an id before a body."""
        for customer in customers:
            looks = [look for senders in self._senders for look in senders.since(0) if look.domain == domain_of(customer) and look.at < until]
            failures = [look for look in looks if look.failed]
            assert not failures, f"{len(failures)} looks of senders failed, the first: {failures[0]}"
            assert any(look.id for look in looks), f"no sender ever had a policy of {domain_of(customer)}"
            assert not self.judges[customer].faults, f"the judge of {customer} saw: {self.judges[customer].faults}"


def _knows(server: str, name: str) -> bool:
    answer = dns.query(server, name, dns.MX, 1)
    return bool(answer and answer.records)
