"""MTA-STS senders: three caches behind each resolver, looking once a second: one that keeps nothing, one that looks at the id each
`policy_refresh`, and one that keeps what it has for the whole of max_age.

As a script (`policy_sender.py RESOLVER ADDRESS FOLDER DOMAIN[,DOMAIN..] REFRESH`, SSL_CERT_FILE set) this is one resolver's helper in a mount name
space of its own; as a module it starts the helpers and gathers what they print. The script runs under Debian's Python, whose
package postfix-mta-sts-resolver does the fetching.
"""
import asyncio
import dataclasses
import json
import logging
import os
import pathlib
import signal
import ssl
import subprocess
import sys
import threading
import time
from typing import Callable, Optional

import addresses
import isolation

_DEBIAN_PYTHON = "/usr/bin/python3"
_TIMEOUT = 8  # seconds for DNS or HTTPS of one look
COLD, WARM, LAZY = "cold", "warm", "lazy"


@dataclasses.dataclass(frozen=True)
class Look:
    at: float           # wall clock, seconds, when it began
    resolver: str
    domain: str
    sender: str         # COLD, WARM or LAZY
    verdict: str        # "ok", "no policy", or what is wrong
    id: str             # of the policy that it holds, empty: none
    policy: str         # `mode max_age patterns`
    hosts: str          # the MX hosts that it saw

    @property
    def failed(self) -> bool:
        return self.verdict not in ("ok", "no policy")


class PolicySenders:
    """All helpers, of one or several mail domains; every look is kept, and handed to `listener` as it comes."""

    def __init__(self, folder: pathlib.Path, domains: list[str], roots: pathlib.Path, refresh: float, listener: Optional[Callable[[Look], None]] = None):
        self.folder, self.domains, self.roots, self.refresh, self.listener = folder / f"policy-senders-{domains[0]}", domains, roots, refresh, listener
        self.looks: list[Look] = []
        self._helpers: list[subprocess.Popen] = []
        self._readers: list[threading.Thread] = []
        self._lock = threading.Lock()

    def start(self) -> None:
        for resolver, address in addresses.RESOLVERS.items():
            folder = self.folder / resolver
            folder.mkdir(parents=True)
            command = ["unshare", "--mount", _DEBIAN_PYTHON, __file__, resolver, address, str(folder), ",".join(self.domains), str(self.refresh)]
            with (folder / "log").open("ab") as log:
                helper = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True,
                                          env={**os.environ, "SSL_CERT_FILE": str(self.roots)})
            reader = threading.Thread(target=self._read, args=(helper,), daemon=True)
            reader.start()
            self._helpers.append(helper)
            self._readers.append(reader)

    def _read(self, helper: subprocess.Popen) -> None:
        for line in helper.stdout:
            look = Look(**json.loads(line))
            with self._lock:
                self.looks.append(look)
            if self.listener:
                self.listener(look)

    def require_running(self) -> None:
        for helper in self._helpers:
            if helper.poll() is not None:
                raise RuntimeError(f"a helper of the MTA-STS senders has ended with {helper.returncode}; see {self.folder}/*/log")

    def since(self, at: float) -> list[Look]:
        with self._lock:
            return [look for look in self.looks if look.at >= at]

    def failures(self) -> list[Look]:
        return [look for look in self.since(0) if look.failed]

    def sentence(self) -> str:
        looks = self.since(0)
        held = sum(bool(look.id) for look in looks)
        return f"{len(looks)} looks of senders, {len(self.failures())} failed ({held} with a policy in hand)"

    def stop(self) -> None:
        for helper in self._helpers:
            helper.terminate()
        for helper in self._helpers:
            helper.wait(timeout=10)
        for reader in self._readers:
            reader.join(timeout=10)


class _Helper:
    """Runs inside one resolver's mount name space."""

    def __init__(self, resolver: str, address: str, folder: pathlib.Path, domains: list[str], refresh: float):
        self.resolver = resolver
        resolv_conf = folder / "resolv.conf"
        resolv_conf.write_text(f"nameserver {address}\noptions edns0 timeout:3 attempts:2\n")
        isolation.bind_over(resolv_conf, "/etc/resolv.conf")
        import policy_look as look  # needs Debian's package
        self.look = look
        self.senders = {domain: [look.Sender(COLD, 0, True), look.Sender(WARM, refresh, True), look.Sender(LAZY, None, False)] for domain in domains}
        self.context = ssl.create_default_context(cafile=os.environ["SSL_CERT_FILE"])

    async def run(self) -> None:
        resolver = self.look.STSResolver(timeout=_TIMEOUT, loop=asyncio.get_running_loop())
        due = time.monotonic()
        while True:  # ends with the world's process name space, or by SIGTERM
            shaken: dict[str, asyncio.Future] = {}
            await asyncio.gather(*(self._round(resolver, domain, shaken) for domain in self.senders))
            due = max(due + 1, time.monotonic())
            await asyncio.sleep(due - time.monotonic())

    async def _round(self, resolver, domain: str, shaken: dict[str, asyncio.Future]) -> None:
        at = time.time()
        verdicts = await asyncio.gather(*(sender.look(resolver, domain) for sender in self.senders[domain]))
        # The MX hosts after the policy, as a sender asks when it delivers.
        try:
            hosts = await self._hosts(resolver, domain, shaken)
        except Exception as why:  # pylint: disable=broad-except  # whatever aiodns raises: no MX host was found
            hosts, verdicts = {}, [f"no MX host is found: {why!r}"] * len(verdicts)
        for sender, verdict in zip(self.senders[domain], verdicts):
            held = sender.held
            found = sender.judge(hosts) if verdict == self.look.OK else verdict
            print(json.dumps(dataclasses.asdict(Look(at, self.resolver, domain, sender.name, found, held.id if held else "", held.text() if held else "",
                                                     " ".join(hosts)))), flush=True)

    async def _hosts(self, resolver, domain: str, shaken: dict[str, asyncio.Future]) -> dict[str, str]:
        """`shaken`: hosts that were asked in this round, for whichever domain."""
        names = await self.look.mx_hosts(resolver, domain)
        loop = asyncio.get_running_loop()
        for name in names:
            if name not in shaken:
                shaken[name] = loop.run_in_executor(None, self.look.certificate_trouble, name, self.context)
        return dict(zip(names, await asyncio.gather(*(shaken[name] for name in names))))


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s")
    asyncio.run(_Helper(sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3]), sys.argv[4].split(","), float(sys.argv[5])).run())
