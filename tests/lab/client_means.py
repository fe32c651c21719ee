"""What stands behind a client's hook while its sequence is played: its own means, or mxseal with an agent, without one, or making the keys."""
import pathlib
import random
import subprocess
import time
from typing import Callable, Optional, Protocol

import keys
from acme_client import Client, Handover, Order
from addresses import ENDPOINTS, HOSTS
from judge import CACHE_SECONDS
from mxseal import Mxseal
from process import wait_until

_PATIENCE = 120       # seconds until mxseal is at rest again, on a slow machine
_SERVED_SECONDS = 60  # until a renewal with the key in service is on the wire
_RUN_EVERY = 3.0      # seconds between two runs of a client that waits for the next key
_APPLY_EVERY = 2.0    # seconds between two calls
_KILL_WITHIN = 5.0    # seconds after a new pair came in which the agent is killed: its TLSA is on its way


Said = subprocess.CompletedProcess


class Means(Protocol):
    """What is behind the client's hook."""
    def new_key(self) -> None:
        """A renewal with a new key."""

    def renewed(self) -> None:
        """After a renewal with the kept key."""

    def rest(self) -> None: ...

    def deliver(self, key: pathlib.Path, chain: pathlib.Path) -> Optional[Said]:
        """The hook with these files, outside of any renewal, and how it ended; None where there is no mxseal."""

    def kill_agent(self) -> bool:
        """Whether there was one to kill."""


def _shown(client: Client) -> list[bytes]:
    """The certificate at every address of every host."""
    return [keys.leaf_on_wire(address, host) for host in client.where.hosts for address in ENDPOINTS[host]]


def _served(client: Client) -> bool:
    """Whether every address shows the client's newest certificate."""
    newest = keys.leaf_of_file(client.chain_file())
    return all(leaf == newest for leaf in _shown(client))


class OwnHook:
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

    def deliver(self, key: pathlib.Path, chain: pathlib.Path) -> Optional[Said]:
        return None

    def kill_agent(self) -> bool:
        return False


class _UnderMxseal:
    def __init__(self, client: Client, mxseal: Mxseal, moments: random.Random):
        self._client, self._mxseal, self._moments = client, mxseal, moments

    def new_key(self) -> None:
        self._client.issue(Order.new)

    def deliver(self, key: pathlib.Path, chain: pathlib.Path) -> Optional[Said]:
        return subprocess.run(self._mxseal.command("hook", "files", "--key", str(key), "--chain", str(chain)), stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=_SERVED_SECONDS, check=False)


class UnderAgent(_UnderMxseal):
    """mxseal behind the hook, its agent running."""

    def begin(self) -> None:
        self._mxseal.start_agent()
        self._mxseal.wait_state(list(HOSTS), "steady", _PATIENCE)
        self._client.hook = HookLine(self._mxseal)

    def renewed(self) -> None:
        key = keys.tlsa_of_file(self._client.chain_file())
        # With a new key still waiting, its newer certificate waits too.
        if all(keys.tlsa_of_certificate(leaf) == key for leaf in _shown(self._client)):
            wait_until("the new certificate is served", lambda: _served(self._client), _SERVED_SECONDS, every=0.3)

    def rest(self) -> None:
        wait_until("the client's newest pair is served", lambda: _served(self._client), _PATIENCE, every=0.5)
        self._mxseal.wait_state(list(HOSTS), "steady", _PATIENCE)

    def kill_agent(self) -> bool:
        time.sleep(self._moments.uniform(0.0, _KILL_WITHIN))
        self._mxseal.kill_agent()
        time.sleep(1)
        self._mxseal.start_agent()
        return True


class MxsealsKeys(UnderAgent):
    """mxseal makes the keys and lays the due one where the client keeps its own; the client renews as often as ever."""

    def begin(self) -> None:
        super().begin()
        self._client.handover = Handover(self._prepare(self._client.name, self._client.where.host, "--folder", str(self._client.keys_folder())))
        self._client.issue(Order.kept)

    def _prepare(self, *words: str) -> str:
        return " ".join(self._mxseal.command("hook", "prepare", *words))

    def new_key(self) -> None:
        """A roll is asked for; the client's next runs get the next key's certificate."""
        old = keys.tlsa_of_file(self._client.chain_file())
        self._mxseal.run("roll", self._client.where.host)

        def brought() -> bool:
            self._client.issue(Order.kept)
            return keys.tlsa_of_file(self._client.chain_file()) != old
        wait_until("the client was given the next key", brought, _PATIENCE, every=_RUN_EVERY)

    def deliver(self, key: pathlib.Path, chain: pathlib.Path) -> Optional[Said]:
        return None  # the keys are mxseal's: there is no pair of the client's to bring


class Requests(MxsealsKeys):
    """mxseal makes the keys, and the client, any other one, is given the request alone."""

    def begin(self) -> None:
        UnderAgent.begin(self)
        host = self._client.where.host
        self._client.handover = Handover(self._prepare(host), self._mxseal.folder / "state" / "handover" / host)
        self._client.hook = HandoverLine(self._mxseal)
        self._client.issue(Order.kept)


class UnderCron(_UnderMxseal):
    """mxseal behind the hook, without an agent: `mxseal apply` now and then."""

    def begin(self) -> None:
        self._apply_until("steady", self._steady)
        self._client.hook = HookLine(self._mxseal)

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
        more = {"dehydrated": ' "$@"', "uacme": f" --confdir {client.folder} {client.where.host}"}
        return " ".join(self._mxseal.command("hook", client.name)) + more.get(client.name, "")


class HandoverLine:
    """What follows a run that was given mxseal's key: the chain, as the key is mxseal's own."""

    def __init__(self, mxseal: Mxseal):
        self._mxseal = mxseal

    def line(self, client: Client) -> str:
        called = " ".join(self._mxseal.command("hook", "files", "--chain", str(client.chain_file())))
        return f'[ "$1" != deploy_cert ] || {called}' if client.name == "dehydrated" else called
