"""A mail domain's way with MTA-STS: what scripts/demo shows and scenarios/policies.py walks through.

The domain lives in example.test, with one MX host to begin with; its endpoint has two addresses, the agent's own and a replica's.
"""
import contextlib
import os
import time
from typing import Any, Callable, Iterator, Optional

import addresses
import dns
from mxseal import Mxseal
from policy_judge import PolicyJudge
from policy_sender import COLD, Look, PolicySenders
from process import TooLate, run, wait_until
from replica import Replica
from world import World

DOMAIN = f"post.{addresses.DOMAIN}"
MAX_AGE = 15          # seconds: so long a sender may keep a policy, and so long the last MX host of an old one stays
REFRESH = 4           # seconds
TIMING = {"proxy_margin": "1s", "testing_for": "10s", "quiet_for": "5s", "policy_refresh": f"{REFRESH}s"}
_PROFILE = "guarded"
_PATIENCE = 90


def configure(world: World, mxseal: Mxseal) -> None:
    """The endpoint and the profile, before the agent starts; and what the domain has in DNS."""
    roots = world.folder / "roots.pem"
    roots.write_text(world.ca.root())
    mxseal.change_config("domains:\n", (
        f'endpoint: {{listen: ["{addresses.ENDPOINT}:443"], certificate: pebble, allow_private: on, probe_ca_file: {roots}}}\n'
        f'profiles:\n  {_PROFILE}:\n    mta_sts: {{mode: enforce, max_age: {MAX_AGE}s, txt_ttl: {addresses.TLSA_TTL}s}}\n'
        '    tls_rpt: {rua: ["mailto:reports@example.test"]}\ndomains:\n'))
    ttl = addresses.TLSA_TTL
    world.names.update([f"update add {DOMAIN}. {ttl} MX 10 {addresses.MX1}.",
                        *(f"update add mta-sts.{DOMAIN}. {ttl} A {address}" for address in (addresses.ENDPOINT, addresses.REPLICA))])
    # A sender that asks the late secondary too early remembers that there is no such name.
    wait_until(f"both name servers know {DOMAIN}", lambda: all(_answers(knot.address, dns.MX) for knot in (world.names.primary, world.names.secondary)), 15)


def _answers(server: str, kind: int) -> bool:
    answer = dns.query(server, DOMAIN, kind, 1)
    return bool(answer and answer.records)


class Story:
    """The domain, its replica, its senders and its judge. The steps are in the order in which they can be called."""

    def __init__(self, world: World, mxseal: Mxseal, on_look: Optional[Callable[[Look], None]] = None, domain: str = DOMAIN):
        self.world, self.mxseal, self.domain = world, mxseal, domain
        self.roots = world.folder / "roots.pem"
        self.replica = Replica(world.folder, mxseal.binary, mxseal.folder / "state" / "endpoint.snapshot")
        self.senders = PolicySenders(world.folder, [domain], self.roots, REFRESH, on_look)
        self.judge = PolicyJudge(world, domain, self.roots)

    @contextlib.contextmanager
    def told(self) -> Iterator["Story"]:
        self.world.stop_later(self.replica.start(_PATIENCE).server)
        self.senders.start()
        self.judge.start()
        try:
            yield self
            self.senders.require_running()
        finally:
            self.judge.stop()
            self.senders.stop()
            self.replica.stop()

    def policy(self) -> dict[str, Any]:
        """What `mxseal status` says of it; empty: nothing."""
        found = [domain for domain in self.mxseal.status()["domains"] if domain["domain"] == self.domain]
        return (found[0].get("mta_sts") or {}) if found else {}

    def wait(self, what: str, reached: Callable[[dict[str, Any]], bool], seconds: float = _PATIENCE) -> dict[str, Any]:
        """Until `mxseal status` says so of the domain; gives what it says."""
        last: dict[str, Any] = {}

        def seen() -> Optional[dict[str, Any]]:
            nonlocal last
            self.mxseal.agent.require_running()
            last = self.policy()
            return last if reached(last) else None
        try:
            return wait_until(what, seen, seconds, every=0.4)
        except TooLate as late:
            raise TooLate(f"{late}; it says {last}") from late

    def wait_mode(self, mode: str) -> dict[str, Any]:
        return self.wait(f"{self.domain} in {mode}, announced everywhere", lambda policy: policy.get("mode") == mode and policy.get("txt_live") is True)

    def mx(self) -> list[str]:
        return sorted(host.rstrip(".") for host in self.policy().get("mx") or [])

    def add(self) -> None:
        self.mxseal.run("domain", "add", self.domain, "--profile", _PROFILE)

    def query(self) -> str:
        """What `mta-sts-query` of postfix-mta-sts-resolver prints."""
        return run(["mta-sts-query", self.domain], env={"SSL_CERT_FILE": str(self.roots)})

    def wait_mx(self, hosts: list[str]) -> None:
        """Until the MX RRset is these hosts, no resolver holds another, and the policy names no other."""
        def reached(policy: dict[str, Any]) -> bool:
            return policy.get("mx_goal") is None and _names(policy.get("mx")) == hosts and _names(policy.get("patterns")) == hosts and policy.get("txt_live") is True
        self.wait(f"the MX hosts of {self.domain} are {' '.join(hosts)} and nothing else", reached)

    def wait_ended(self) -> None:
        """Until no name server has a record and no address serves a policy."""
        wait_until(f"nothing of {self.domain} is announced or served",
                   lambda: not any(self.judge.announced().values()) and None not in self.judge.announced().values() and not any(self.judge.served().values()),
                   _PATIENCE, every=0.5)

    def wait_senders(self, what: str, passes: Callable[[Look], bool], seconds: float = 30) -> None:
        """Until the newest look of the sender that keeps nothing says so, behind every resolver."""
        begin = time.time()

        def all_say() -> bool:
            newest = {look.resolver: look for look in self.senders.since(begin) if look.sender == COLD}
            return set(newest) == set(addresses.RESOLVERS) and all(passes(look) for look in newest.values())
        wait_until(f"every sender without a cache sees {what}", all_say, seconds, every=0.3)

    def require_no_fault(self) -> None:
        failures = self.senders.failures()
        assert not failures, f"{len(failures)} looks of senders failed: {failures[:12]}"
        assert not self.judge.faults, f"the judge saw: {self.judge.faults}"
        assert any(look.id for look in self.senders.since(0)), "no sender ever had a policy"


def _names(found: Any) -> list[str]:
    return sorted(name.rstrip(".") for name in found or [])
