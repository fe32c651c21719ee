"""An ACME client of the lab, whichever it is: its files in a folder of its own, one certificate, dns-01 at the lab's Knot, Pebble.

What a client calls after an issuance is its hook: `OwnMeans` (copy, TLSA, reload: what admins have today) or mxseal's one line.
"""
import enum
import os
import pathlib
import signal
import subprocess
from dataclasses import dataclass
from typing import Optional, Protocol

from isolation import bind_over
from world import World

_ISSUE_SECONDS = 90  # our choice: an order takes some three seconds; beyond this the client hangs


class Order(enum.Enum):
    """What an issuance does to the key."""
    first = "first"
    kept = "kept"
    new = "new"


class ClientFailed(Exception):
    """The client ended with another status than 0; its output follows."""


class Hook(Protocol):
    def line(self, client: "Client") -> str:
        """The shell line that this client is given."""


@dataclass(frozen=True)
class Handover:
    """Keys that mxseal makes: `prepare` is the shell line that lays the due one where the client finds it, or into `folder`, as key.pem and csr.pem."""
    prepare: str
    folder: Optional[pathlib.Path] = None


@dataclass(frozen=True)
class Place:
    """Where a client works: its folder, the CA, and the account that may write challenges."""
    folder: pathlib.Path
    hosts: tuple[str, ...]  # all in one certificate; the first names it
    directory: str
    ca_file: pathlib.Path
    tsig_file: pathlib.Path
    tsig_secret: str

    @property
    def host(self) -> str:
        return self.hosts[0]


def place(world: World, name: str, *hosts: str) -> Place:
    folder = world.folder / "clients" / name
    folder.mkdir(parents=True)
    key = world.names.mxseal_key  # TLSA, TXT and MX are all that it may change
    tsig = folder / "tsig"
    tsig.write_text(f'key "{key.name}" {{ algorithm hmac-sha256; secret "{key.secret}"; }};\n')
    tsig.chmod(0o600)
    return Place(folder, hosts, world.ca.directory, world.ca.ca_file, tsig, key.secret)


class Client:
    """One client with one certificate. Subclasses say the commands; this runs them, bounded, in a session that one kill ends."""
    name = ""

    def __init__(self, where: Place, hook: Hook):
        self.where, self.hook = where, hook
        self.folder = where.folder
        self.handover: Optional[Handover] = None  # set: mxseal makes the keys
        self._log = self.folder / "output.log"

    def keys_folder(self) -> pathlib.Path:
        """What mxseal has to know of where the client keeps its keys."""
        return self.folder

    def key_file(self) -> pathlib.Path:
        raise NotImplementedError

    def chain_file(self) -> pathlib.Path:
        raise NotImplementedError

    def command(self, order: Order) -> str:
        """The shell line an admin or a timer would run."""
        raise NotImplementedError

    def command_for(self, handover: pathlib.Path) -> str:
        """The same with a key that others made: the client takes `handover`/key.pem, or only the request `handover`/csr.pem."""
        raise NotImplementedError

    def own_arguments(self) -> str:
        """Key, chain and, where the client keeps one, the standby key, as its hook sees them: arguments of OwnMeans' script."""
        raise NotImplementedError

    def after_kill(self) -> None:
        """What an admin has to clear away before the client runs again."""

    def environment(self) -> dict[str, str]:
        return {"LAB_TSIG_FILE": str(self.where.tsig_file)}

    def _line(self, order: Order) -> str:
        if not self.handover:
            return self.command(order)
        # Whose key it is, is mxseal's business: the client keeps what it finds.
        return f"{self.handover.prepare} && {self.command_for(self.handover.folder) if self.handover.folder else self.command(Order.kept)}"

    def for_request(self) -> bool:
        """Whether it orders for a request that others made."""
        return bool(self.handover and self.handover.folder)

    def begin(self, order: Order) -> subprocess.Popen:
        with self._log.open("ab") as out:
            return subprocess.Popen(["/bin/sh", "-c", self._line(order)], cwd=self.folder, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                    env={**os.environ, **self.environment()}, start_new_session=True)

    def issue(self, order: Order) -> None:
        """One issuance to its end, hook and all."""
        written = self._log.stat().st_size if self._log.exists() else 0
        process = self.begin(order)
        try:
            status: Optional[int] = process.wait(timeout=_ISSUE_SECONDS)
        except subprocess.TimeoutExpired:
            kill(process)
            status = None
        if status != 0:
            said = self._log.read_bytes()[written:].decode(errors="replace")
            raise ClientFailed(f"{self.name} {order.value} key: {f'exit {status}' if status is not None else 'no end'}: {said[-3000:]}")


def kill(process: subprocess.Popen) -> None:
    """kill -9 of the client and of what it has started, if it has not ended."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(timeout=10)


def trust_ca(world: World) -> None:
    """uacme knows the system's roots only: within this mount name space Pebble's own is the one that there is."""
    bind_over(world.ca.ca_file, "/etc/ssl/certs/ca-certificates.crt")
