"""What every ACME client goes through, once by its own means and once with mxseal behind its hook, while DANE senders watch.

    K  a renewal that keeps the key                   N  a renewal with a new key
    F  a renewal with a new key whose order the CA refuses: its resolver does not find the challenge
    C  kill -9 of the client in the middle of such an order
    A  kill -9 of mxseal's agent at a random moment, and its start a second later; nothing by own means
    R  the hook comes once more for the pair that is there, which is nothing new; nothing by own means
    O  the hook comes once more for the pair before the last new key, at rest: refused; nothing by own means
    .  everything comes to rest: the client's newest pair is served at every address, and no cache knows an older answer
"""
import dataclasses
import pathlib
import random
import secrets
import shutil
import time
from dataclasses import dataclass
from typing import Callable

import addresses
import dns
import keys
from acme_client import Client, ClientFailed, Order, kill, place, trust_ca
from acme_clients import CLIENTS
from client_means import Means, MxsealsKeys, OwnHook, Requests, UnderAgent, UnderCron
from mxseal import Mxseal, find_binary
from own_means import OwnMeans
from process import wait_until
from promises import watched
from report import Screen, Tally
from world import World

HOST = addresses.MX1
FULL = "KKKK N K . KKK F N K . K C N A ."   # ten kept, three new
SHORT = "K F N A . R O K"

_REUSED_MAX = 3       # our choice: three times in a row is no chance any more
_ORDER_SECONDS = 60   # until a challenge of an order is in the zone
# Pebble as a CA that each client copes with (dehydrated gives up at the first rejected nonce), and that validates each order anew.
_PEBBLE = {"PEBBLE_WFE_NONCEREJECT": "0", "PEBBLE_AUTHZREUSE": "0"}


@dataclass
class Count:
    client: str
    means: str  # a word of clients_table.py: `own`, or how the client works with mxseal
    kept: int = 0
    new: int = 0
    failed_orders: int = 0
    client_kills: int = 0
    agent_kills: int = 0
    probes: int = 0
    failed_probes: int = 0
    new_with_gap: int = 0     # renewals with a new key after which a probe failed
    failed_before_new: int = 0  # probes that failed before the first of them


class Story:
    def __init__(self, world: World, client: Client, means: Means, count: Count):
        self._world, self._client, self._means, self._count = world, client, means, count
        self.new_keys_at: list[float] = []  # wall clock, seconds, before each renewal with a new key

    def play(self, sequence: str) -> None:
        steps = {"K": self._kept, "N": self._new, "F": self._failed_order, "C": self._client_kill, "A": self._agent_kill,
                 "R": self._again, "O": self._too_late, ".": self._means.rest}
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
        self._keep_former()
        self.new_keys_at.append(time.time())
        self._means.new_key()
        assert keys.tlsa_of_file(self._client.chain_file()) != before, "the client kept its key"
        self._count.new += 1

    def _keep_former(self) -> None:
        for kept, file in zip(self._former(), (self._client.key_file(), self._client.chain_file())):
            shutil.copyfile(file, kept)

    def _former(self) -> tuple[pathlib.Path, pathlib.Path]:
        return self._client.folder / "former-key.pem", self._client.folder / "former-chain.pem"

    def _again(self) -> None:
        said = self._means.deliver(self._client.key_file(), self._client.chain_file())
        assert said is None or said.returncode == 0, f"the same pair once more: exit {said.returncode}: {said.stderr}"

    def _too_late(self) -> None:
        said = self._means.deliver(*self._former())
        if said:
            assert said.returncode == 1 and said.stderr.strip(), f"the pair of a retired key: exit {said.returncode}: {said.stdout}"
            self._means.rest()

    def _failed_order(self) -> None:
        owner, resolver = f"_acme-challenge.{self._client.where.host}.", self._world.ca_resolver

        def refused() -> bool:
            resolver.control("local_zone", owner, "always_nxdomain")
            try:
                self._client.issue(Order.new)
                return False
            except ClientFailed:
                return True
            finally:
                resolver.control("local_zone_remove", owner)
        self._until_validated("refused by the CA", refused)
        self._count.failed_orders += 1

    def _client_kill(self) -> None:
        def killed() -> bool:
            before = self._challenge()
            process = self._client.begin(Order.new)
            try:
                wait_until("an order is under way", lambda: self._challenge() not in (before, frozenset()) or process.poll() is not None, _ORDER_SECONDS)
                return process.poll() is None
            finally:
                kill(process)
        self._until_validated("killed in an order", killed)
        self._client.after_kill()
        self._count.client_kills += 1

    def _until_validated(self, what: str, attempt: Callable[[], bool]) -> None:
        """Pebble reuses one validation in a hundred however it is told: then the order went through, with a new key as any other."""
        for _ in range(_REUSED_MAX):
            before, begin = keys.tlsa_of_file(self._client.chain_file()), time.time()
            if attempt():
                return
            if keys.tlsa_of_file(self._client.chain_file()) != before:
                self.new_keys_at.append(begin)
                self._count.new += 1
        raise AssertionError(f"{self._client.name} was never {what}")

    def _challenge(self) -> frozenset[str]:
        answer = dns.query(addresses.PRIMARY, f"_acme-challenge.{self._client.where.host}", dns.TXT, 1)
        return answer.texts() if answer else frozenset()

    def _agent_kill(self) -> None:
        self._count.agent_kills += self._means.kill_agent()


def prepare_ca(world: World) -> None:
    world.ca.start_anew(_PEBBLE)
    trust_ca(world)


def _first_pair(world: World, name: str, hosts: tuple[str, ...]) -> Client:
    """Hosts as they stand today: served by the client's pair, its TLSA published, both by the client's own means."""
    prepare_ca(world)
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
    story = Story(world, client, OwnHook(client), count)
    story.play(sequence)
    return _counted(count, tally, story)


def with_mxseal(world: World, name: str, sequence: str, hosts: tuple[str, ...] = (HOST,), under: type[UnderAgent] | type[UnderCron] = UnderAgent) -> Count:
    """The hook line is all that changes; no probe may fail, no switch may be early, and two hosts are never in one together."""
    seed = secrets.randbelow(1_000_000)
    makes_keys = "mxseal" if issubclass(under, MxsealsKeys) else "client"
    count = Count(name, "request" if under is Requests else makes_keys)
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
    """mxseal makes the keys and lays the due one where the client keeps its own."""
    return with_mxseal(world, name, sequence, under=MxsealsKeys)


def with_mxseals_requests(world: World, name: str, sequence: str) -> Count:
    """mxseal makes the keys and hands out key.pem and csr.pem, as to any client."""
    return with_mxseal(world, name, sequence, under=Requests)


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
