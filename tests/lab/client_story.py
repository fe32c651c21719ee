"""What every ACME client goes through, once by its own means and once with mxseal behind its hook, while DANE senders watch.

    K  a renewal that keeps the key                   N  a renewal with a new key
    F  a renewal with a new key whose order the CA refuses: its resolver does not find the challenge
    C  kill -9 of the client in the middle of such an order
    A  kill -9 of mxseal's agent at a random moment, and its start a second later; nothing by own means
    .  everything comes to rest: the client's newest pair is served at every address, and no cache knows an older answer
"""
import dataclasses
import random
import secrets
import time
from dataclasses import dataclass
from typing import Callable, Protocol

import addresses
import dns
import keys
from acme_client import Client, ClientFailed, Handover, Order, kill, place, trust_ca
from acme_clients import CLIENTS
from judge import CACHE_SECONDS
from mxseal import Mxseal, find_binary
from own_means import OwnMeans
from process import wait_until
from promises import watched
from report import Screen, Tally
from world import World

HOST = addresses.MX1
FULL = "KKKK N K . KKK F N K . K C N A ."   # ten kept, three new
SHORT = "K F N A . K"

_PATIENCE = 120       # seconds until mxseal is at rest again, on a slow machine
_SERVED_SECONDS = 60  # until a renewal with the key in service is on the wire
_ORDER_SECONDS = 60   # until a challenge of an order is in the zone
_RUN_EVERY = 3.0      # seconds between two runs of a client that waits for the next key
_APPLY_EVERY = 2.0    # seconds between two calls
_KILL_WITHIN = 5.0    # seconds after a new pair came in which the agent is killed: its TLSA is on its way
# Pebble as a CA that each client copes with (dehydrated gives up at the first rejected nonce), and that validates each order anew.
_PEBBLE = {"PEBBLE_WFE_NONCEREJECT": "0", "PEBBLE_AUTHZREUSE": "0"}


@dataclass
class Count:
    client: str
    means: str  # `own`, or who makes the keys under mxseal: `client`, `mxseal`
    kept: int = 0
    new: int = 0
    failed_orders: int = 0
    client_kills: int = 0
    agent_kills: int = 0
    probes: int = 0
    failed_probes: int = 0
    new_with_gap: int = 0     # renewals with a new key after which a probe failed
    failed_before_new: int = 0  # probes that failed before the first of them


class Means(Protocol):
    """What is behind the client's hook."""
    def new_key(self) -> None:
        """A renewal with a new key."""

    def renewed(self) -> None:
        """After a renewal with the kept key."""

    def rest(self) -> None: ...

    def kill_agent(self) -> bool:
        """Whether there was one to kill."""


class Story:
    def __init__(self, world: World, client: Client, means: Means, count: Count):
        self._world, self._client, self._means, self._count = world, client, means, count
        self.new_keys_at: list[float] = []  # wall clock, seconds, before each renewal with a new key

    def play(self, sequence: str) -> None:
        steps = {"K": self._kept, "N": self._new, "F": self._failed_order, "C": self._client_kill, "A": self._agent_kill, ".": self._means.rest}
        for letter in sequence.replace(" ", ""):
            steps[letter]()
        self._means.rest()

    def _kept(self) -> None:
        before = keys.tlsa_of_file(self._client.chain_file())
        self._client.issue(Order.kept)
        assert keys.tlsa_of_file(self._client.chain_file()) == before, "the client changed its key unasked"
        self._count.kept += 1
        self._means.renewed()

    def _new(self) -> None:
        before = keys.tlsa_of_file(self._client.chain_file())
        self.new_keys_at.append(time.time())
        self._means.new_key()
        assert keys.tlsa_of_file(self._client.chain_file()) != before, "the client kept its key"
        self._count.new += 1

    def _failed_order(self) -> None:
        owner, resolver = f"_acme-challenge.{self._client.where.host}.", self._world.ca_resolver
        resolver.control("local_zone", owner, "always_nxdomain")
        try:
            self._client.issue(Order.new)
        except ClientFailed:
            self._count.failed_orders += 1
        else:
            raise AssertionError("the CA issued without a challenge")
        finally:
            resolver.control("local_zone_remove", owner)

    def _client_kill(self) -> None:
        before = self._challenge()
        process = self._client.begin(Order.new)
        try:
            wait_until("an order is under way", lambda: self._challenge() not in (before, frozenset()), _ORDER_SECONDS)
            assert process.poll() is None, "the client had ended before the kill"
        finally:
            kill(process)
        self._client.after_kill()
        self._count.client_kills += 1

    def _challenge(self) -> frozenset[str]:
        answer = dns.query(addresses.PRIMARY, f"_acme-challenge.{self._client.where.host}", dns.TXT, 1)
        return answer.texts() if answer else frozenset()

    def _agent_kill(self) -> None:
        self._count.agent_kills += self._means.kill_agent()


def _shown(client: Client) -> list[bytes]:
    """The certificate at every address of every host."""
    return [keys.leaf_on_wire(address, host) for host in client.where.hosts for address in addresses.ENDPOINTS[host]]


def _served(client: Client) -> bool:
    """Whether every address shows the client's newest certificate."""
    newest = keys.leaf_of_file(client.chain_file())
    return all(leaf == newest for leaf in _shown(client))


class _Own:
    """The client's own means."""

    def __init__(self, client: Client):
        self._client = client

    def new_key(self) -> None:
        self._client.issue(Order.new)

    def renewed(self) -> None:
        wait_until("the new certificate is served", lambda: _served(self._client), _SERVED_SECONDS)

    def rest(self) -> None:
        self.renewed()
        time.sleep(CACHE_SECONDS + 3)  # the secondary's two seconds, and a probe's own

    def kill_agent(self) -> bool:
        return False


class UnderAgent:
    """mxseal behind the hook, its agent running."""

    def __init__(self, client: Client, mxseal: Mxseal, moments: random.Random):
        self._client, self._mxseal, self._moments = client, mxseal, moments

    def begin(self) -> None:
        self._mxseal.start_agent()
        self._mxseal.wait_state(list(addresses.HOSTS), "steady", _PATIENCE)
        self._client.hook = HookLine(self._mxseal)

    def new_key(self) -> None:
        self._client.issue(Order.new)

    def renewed(self) -> None:
        key = keys.tlsa_of_file(self._client.chain_file())
        # With a new key still waiting, its newer certificate waits too.
        if all(keys.tlsa_of_certificate(leaf) == key for leaf in _shown(self._client)):
            wait_until("the new certificate is served", lambda: _served(self._client), _SERVED_SECONDS, every=0.3)

    def rest(self) -> None:
        wait_until("the client's newest pair is served", lambda: _served(self._client), _PATIENCE, every=0.5)
        self._mxseal.wait_state(list(addresses.HOSTS), "steady", _PATIENCE)

    def kill_agent(self) -> bool:
        time.sleep(self._moments.uniform(0.0, _KILL_WITHIN))
        self._mxseal.kill_agent()
        time.sleep(1)
        self._mxseal.start_agent()
        return True


class MxsealsKeys(UnderAgent):
    """mxseal makes the keys; the client is given the one that is due, and renews as often as ever."""

    def begin(self) -> None:
        super().begin()
        folder = self._mxseal.folder / "state" / "handover" / HOST
        self._client.handover = Handover(folder, " ".join(self._mxseal.command("hook", "prepare", HOST)))
        self._client.hook = HandoverLine(self._mxseal)
        self._client.issue(Order.kept)

    def new_key(self) -> None:
        """A roll is asked for; the client's next runs get the next key's certificate."""
        old = keys.tlsa_of_file(self._client.chain_file())
        self._mxseal.run("roll", HOST)

        def brought() -> bool:
            self._client.issue(Order.kept)
            return keys.tlsa_of_file(self._client.chain_file()) != old
        wait_until("the client was given the next key", brought, _PATIENCE, every=_RUN_EVERY)


class UnderCron:
    """mxseal behind the hook, without an agent: `mxseal apply` now and then."""

    def __init__(self, client: Client, mxseal: Mxseal, _: random.Random):
        self._client, self._mxseal = client, mxseal

    def begin(self) -> None:
        self._apply_until("steady", self._steady)
        self._client.hook = HookLine(self._mxseal)

    def new_key(self) -> None:
        self._client.issue(Order.new)

    def renewed(self) -> None:
        self._mxseal.run_any("apply", seconds=_PATIENCE)

    def rest(self) -> None:
        self._apply_until("the client's newest pair is served", lambda: _served(self._client) and self._steady())

    def kill_agent(self) -> bool:
        return False

    def _steady(self) -> bool:
        return all(host["state"] == "steady" for host in self._mxseal.status()["hosts"])

    def _apply_until(self, what: str, reached: Callable[[], bool]) -> None:
        def turn() -> bool:
            self._mxseal.run_any("apply", seconds=_PATIENCE)
            return reached()
        wait_until(f"{what}, by `apply` alone", turn, _PATIENCE, every=_APPLY_EVERY)


class HookLine:
    """The one line."""

    def __init__(self, mxseal: Mxseal):
        self._mxseal = mxseal

    def line(self, client: Client) -> str:
        more = {"dehydrated": ' "$@"', "uacme": f" {client.where.host} {client.folder}"}
        return " ".join(self._mxseal.command("hook", client.name)) + more.get(client.name, "")


class HandoverLine:
    """What follows a run that was given mxseal's key: the chain, as the key is mxseal's own."""

    def __init__(self, mxseal: Mxseal):
        self._mxseal = mxseal

    def line(self, client: Client) -> str:
        called = " ".join(self._mxseal.command("hook", "files", "--chain", str(client.chain_file())))
        return f'[ "$1" != deploy_cert ] || {called}' if client.name == "dehydrated" else called


def _first_pair(world: World, name: str, hosts: tuple[str, ...]) -> Client:
    """Hosts as they stand today: served by the client's pair, its TLSA published, both by the client's own means."""
    world.ca.start_anew(_PEBBLE)
    trust_ca(world)
    where = place(world, name, *hosts)
    client = CLIENTS[name](where, OwnMeans(where.folder, [world.mail[host] for host in hosts], where.tsig_file))
    client.issue(Order.first)
    for host in set(addresses.HOSTS) - set(hosts):
        world.names.set_tlsa(host, [keys.tlsa_of_file(world.mail[host].combined)])
    return client


def by_own_means(world: World, name: str, sequence: str) -> Count:
    """Nothing is asserted of the probes here; the count says what became of them."""
    count = Count(name, "own")
    client = _first_pair(world, name, (HOST,))
    tally = Tally(_Silent())
    world.senders.listener = tally.note
    world.senders.start()
    world.wait_all_verified(60)
    story = Story(world, client, _Own(client), count)
    story.play(sequence)
    return _counted(count, tally, story)


def with_mxseal(world: World, name: str, sequence: str, hosts: tuple[str, ...] = (HOST,), under: type[Means] = UnderAgent) -> Count:
    """The hook line is all that changes; no probe may fail, no switch may be early, and two hosts are never in one together."""
    seed = secrets.randbelow(1_000_000)
    makes_keys = "mxseal" if under is MxsealsKeys else "client"
    count = Count(name, makes_keys)
    client = _first_pair(world, name, hosts)
    mxseal = Mxseal(world, find_binary(), external=dict.fromkeys(hosts, makes_keys))
    means = under(client, mxseal, random.Random(seed))
    with watched(world, mxseal) as watch:
        world.wait_all_verified(60)
        means.begin()
        story = Story(world, client, means, count)
        try:
            story.play(sequence)
        except BaseException:
            print(f"       {name} under mxseal: seed {seed}", flush=True)
            raise
    return _counted(count, watch.tally, story)


def with_mxseals_keys(world: World, name: str, sequence: str) -> Count:
    return with_mxseal(world, name, sequence, under=MxsealsKeys)


def _counted(count: Count, tally: Tally, story: Story) -> Count:
    failed = [probe.at for probe in tally.failures]
    turns = list(zip(story.new_keys_at, [*story.new_keys_at[1:], float("inf")]))
    return dataclasses.replace(count, probes=tally.probes, failed_probes=len(failed),
                               new_with_gap=sum(any(begin <= at < end for at in failed) for begin, end in turns),
                               failed_before_new=sum(at < min(story.new_keys_at, default=float("inf")) for at in failed))


class _Silent(Screen):
    """Failures by own means are what is counted, not news."""

    def line(self, *_, **__) -> None:
        pass
