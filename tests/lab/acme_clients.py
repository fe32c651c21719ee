"""The ACME clients that people run, real ones of Debian, each with its files in a folder of its own: one host, dns-01 at the lab's Knot, Pebble.

What a client calls after an issuance is its hook: `OwnMeans` (copy, TLSA, reload: what admins have today) or mxseal's one line.
"""
import enum
import os
import pathlib
import signal
import subprocess
from dataclasses import dataclass
from typing import Optional, Protocol

import addresses
from isolation import bind_over
from world import World

_HERE = pathlib.Path(__file__).resolve().parent
_CHALLENGE = _HERE / "acme_challenge.py"
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
        self._log = self.folder / "output.log"

    def key_file(self) -> pathlib.Path:
        raise NotImplementedError

    def chain_file(self) -> pathlib.Path:
        raise NotImplementedError

    def command(self, order: Order) -> str:
        """The shell line an admin or a timer would run."""
        raise NotImplementedError

    def own_arguments(self) -> str:
        """Key, chain and, where the client keeps one, the standby key, as its hook sees them: arguments of OwnMeans' script."""
        raise NotImplementedError

    def after_kill(self) -> None:
        """What an admin has to clear away before the client runs again."""

    def environment(self) -> dict[str, str]:
        return {"LAB_TSIG_FILE": str(self.where.tsig_file)}

    def begin(self, order: Order) -> subprocess.Popen:
        with self._log.open("ab") as out:
            return subprocess.Popen(["/bin/sh", "-c", self.command(order)], cwd=self.folder, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
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
    """kill -9 of the client and of what it has started."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(timeout=10)


class Certbot(Client):
    name = "certbot"

    def environment(self) -> dict[str, str]:
        return {**super().environment(), "REQUESTS_CA_BUNDLE": str(self.where.ca_file)}

    def live(self) -> pathlib.Path:
        return self.folder / "etc" / "live" / self.where.host

    def key_file(self) -> pathlib.Path:
        return self.live() / "privkey.pem"

    def chain_file(self) -> pathlib.Path:
        return self.live() / "fullchain.pem"

    def own_arguments(self) -> str:
        return '"$RENEWED_LINEAGE/privkey.pem" "$RENEWED_LINEAGE/fullchain.pem"'

    def command(self, order: Order) -> str:
        folders = f"--config-dir {self.folder}/etc --work-dir {self.folder}/work --logs-dir {self.folder}/logs"
        base = f"certbot -n {folders} --deploy-hook '{self.hook.line(self)}'"
        if order is Order.first:
            return (f"{base} certonly --server {self.where.directory} --agree-tos --register-unsafely-without-email -d {','.join(self.where.hosts)} --key-type ecdsa "
                    f"--reuse-key --manual --preferred-challenges dns --manual-auth-hook '{_CHALLENGE} certbot-auth' "
                    f"--manual-cleanup-hook '{_CHALLENGE} certbot-cleanup'")
        return f"{base} renew --force-renewal --no-random-sleep-on-renew {'--new-key' if order is Order.new else ''}"


class Lego(Client):
    name = "lego"

    def environment(self) -> dict[str, str]:
        return {**super().environment(), "LEGO_CA_CERTIFICATES": str(self.where.ca_file), "RFC2136_NAMESERVER": f"{addresses.PRIMARY}:53",
                "RFC2136_TSIG_ALGORITHM": "hmac-sha256.", "RFC2136_TSIG_KEY": "mxseal.", "RFC2136_TSIG_SECRET": self.where.tsig_secret,
                "RFC2136_TTL": "60", "RFC2136_POLLING_INTERVAL": "1", "RFC2136_PROPAGATION_TIMEOUT": "20"}

    def key_file(self) -> pathlib.Path:
        return self.folder / "state" / "certificates" / f"{self.where.host}.key"

    def chain_file(self) -> pathlib.Path:
        return self.key_file().with_suffix(".crt")

    def own_arguments(self) -> str:
        return '"$LEGO_CERT_KEY_PATH" "$LEGO_CERT_PATH"'

    def command(self, order: Order) -> str:
        base = (f"lego --path {self.folder}/state --server {self.where.directory} --accept-tos --email hostmaster@example.test --key-type ec256 "
                f"--dns rfc2136 {' '.join(f'--domains {host}' for host in self.where.hosts)}")
        if order is Order.first:
            return f"{base} run --run-hook '{self.hook.line(self)}'"
        reuse = "" if order is Order.new else "--reuse-key"
        return f"{base} renew --days 99999 --no-random-sleep {reuse} --renew-hook '{self.hook.line(self)}'"


class Dehydrated(Client):
    name = "dehydrated"

    def __init__(self, where: Place, hook: Hook):
        super().__init__(where, hook)
        (self.folder / "domains.txt").write_text(" ".join(where.hosts) + "\n")

    def key_file(self) -> pathlib.Path:
        return self.folder / "certs" / self.where.host / "privkey.pem"

    def chain_file(self) -> pathlib.Path:
        return self.key_file().with_name("fullchain.pem")

    def own_arguments(self) -> str:
        # The rollover key is dehydrated's way for TLSA: published now, in use after the next renewal.
        return '"$3" "$5" "$(dirname "$3")/privkey.roll.pem"'

    def after_kill(self) -> None:
        (self.folder / "lock").unlink(missing_ok=True)

    def command(self, order: Order) -> str:
        config, hook = self.folder / "config", self.folder / "hook"
        config.write_text(
            f'CA="{self.where.directory}"\nBASEDIR="{self.folder}"\nCHALLENGETYPE="dns-01"\nHOOK="{hook}"\nKEY_ALGO=prime256v1\n'
            f'CURL_OPTS="--cacert {self.where.ca_file}"\nCONTACT_EMAIL=hostmaster@example.test\nPRIVATE_KEY_ROLLOVER="yes"\n'
            f'PRIVATE_KEY_RENEW="{"no" if order is Order.kept else "yes"}"\n')
        # An admin's HOOK answers the challenges and deploys.
        hook.write_text(f'#!/bin/sh\ncase "$1" in\n  deploy_challenge|clean_challenge) exec {_CHALLENGE} "$@" ;;\nesac\n{self.hook.line(self)}\n')
        hook.chmod(0o755)
        register = f"dehydrated -f {config} --register --accept-terms && " if order is Order.first else ""
        return f"{register}dehydrated -f {config} --cron --force"


class AcmeSh(Client):
    """The stand-in acme_sh.py; one host."""
    name = "acme.sh"

    def key_file(self) -> pathlib.Path:
        return self.folder / f"{self.where.host}_ecc" / f"{self.where.host}.key"

    def chain_file(self) -> pathlib.Path:
        return self.key_file().with_name("fullchain.cer")

    def own_arguments(self) -> str:
        return '"$CERT_KEY_PATH" "$CERT_FULLCHAIN_PATH" "$Le_Next_Domain_Key"'

    def command(self, order: Order) -> str:
        base = (f"{_HERE}/acme_sh.py --home {self.folder} -d {self.where.host} --reloadcmd '{self.hook.line(self)}' "
                f"--always-force-new-domain-key {0 if order is Order.kept else 1}")
        if order is Order.first:
            return f"{base} --issue --server {self.where.directory} --dns {_CHALLENGE}"
        return f"{base} --renew --force"


class Uacme(Client):
    name = "uacme"

    def key_file(self) -> pathlib.Path:
        return self.folder / "private" / self.where.host / "key.pem"

    def chain_file(self) -> pathlib.Path:
        return self.folder / self.where.host / "cert.pem"

    def own_arguments(self) -> str:
        return f'"{self.key_file()}" "{self.chain_file()}"'

    def command(self, order: Order) -> str:
        if order is Order.new and self.key_file().exists():  # uacme keeps a key that is there
            self.key_file().rename(self.key_file().with_name("key-former.pem"))
        base = f"uacme -a {self.where.directory} -c {self.folder} -t EC -y -o -h {_CHALLENGE}"
        account = f"{base} new && " if order is Order.first else ""
        return f"{account}{base} {'' if order is Order.first else '-f'} issue {' '.join(self.where.hosts)} && {self.hook.line(self)}"


CLIENTS: dict[str, type[Client]] = {kind.name: kind for kind in (Certbot, Lego, Dehydrated, AcmeSh, Uacme)}


def trust_ca(world: World) -> None:
    """uacme knows the system's roots only: within this mount name space Pebble's own is the one that there is."""
    bind_over(world.ca.ca_file, "/etc/ssl/certs/ca-certificates.crt")
