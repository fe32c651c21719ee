"""DANE senders: a real posttls-finger a second for each (resolver x endpoint), each resolver in a mount name space of its own.

As a script (`sender.py RESOLVER ADDRESS FOLDER`) this is one resolver's helper: it binds its own /etc/resolv.conf and prints one
JSON object a probe. As a module it starts the helpers and gathers what they print.
"""
import dataclasses
import json
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time
from typing import Callable, Iterable, Optional

import addresses
import isolation
from process import Server

VERIFIED = "Verified"
NO_TLSA = "no TLSA records"                           # dane-only then resorts to PKIX, which no host here passes
MISMATCH = "num=65:no matching DANE TLSA records"     # posttls-finger's own text
PROBE_SECONDS = 10      # a probe without an end by then has failed
_OUTSTANDING_MAX = 64   # probes under way in one helper; beyond this the machine, not the world, is being measured
_FAMILIES = {host: ["ipv6" if ":" in a else "ipv4" for a in found] for host, found in addresses.ENDPOINTS.items()}


@dataclasses.dataclass(frozen=True)
class Probe:
    at: float       # wall clock, seconds, when the sender began
    resolver: str
    host: str
    family: str     # ipv4 or ipv6
    verdict: str    # VERIFIED, or what posttls-finger said instead

    @property
    def verified(self) -> bool:
        return self.verdict == VERIFIED


def verdict_of(output: str) -> str:
    """posttls-finger's own words: VERIFIED, else why not."""
    lines = [line.removeprefix("posttls-finger: ") for line in output.splitlines() if line.strip()]
    if any(line.startswith("Verified TLS connection established") for line in lines):
        return VERIFIED
    if any("no TLSA records found" in line for line in lines):
        return NO_TLSA
    failed = [line for line in lines if "verification failed for" in line]
    if failed:
        return failed[0].rpartition("]:25: ")[2]
    return " / ".join(lines)[-300:] or "no output"


class _Helper:
    """Runs inside one resolver's mount name space."""

    def __init__(self, resolver: str, address: str, folder: pathlib.Path):
        self.resolver, self.folder = resolver, folder
        resolv_conf = folder / "resolv.conf"
        resolv_conf.write_text(f"nameserver {address}\noptions edns0 trust-ad timeout:3 attempts:2\n")
        isolation.bind_over(resolv_conf, "/etc/resolv.conf")
        for family in ("ipv4", "ipv6"):  # a folder each: posttls-finger takes the family from main.cf only
            (folder / family).mkdir()
            (folder / family / "main.cf").write_text(
                f"compatibility_level = 3.6\ninet_protocols = {family}\nmyhostname = sender.example.test\ndata_directory = {folder}\n")
            (folder / family / "master.cf").touch()
        self.running: list[threading.Thread] = []
        self.print_lock = threading.Lock()

    def run(self) -> None:
        due = time.monotonic()
        while True:  # ends with the world's process name space, or by SIGTERM
            self.running = [thread for thread in self.running if thread.is_alive()]
            for host, families in _FAMILIES.items():
                for family in families:
                    self._begin(host, family)
            due = max(due + 1, time.monotonic())
            time.sleep(max(0.0, due - time.monotonic()))

    def _begin(self, host: str, family: str) -> None:
        if len(self.running) < _OUTSTANDING_MAX:
            thread = threading.Thread(target=self._probe, args=(host, family), daemon=True)
            thread.start()
            self.running.append(thread)

    def _probe(self, host: str, family: str) -> None:
        at = time.time()
        try:
            done = subprocess.run(["posttls-finger", "-c", "-l", "dane-only", "-t", "5", "-T", "5", f"[{host}]"], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=PROBE_SECONDS, check=False,
                                  env={**os.environ, "MAIL_CONFIG": str(self.folder / family)})
            verdict = verdict_of(done.stdout)
        except subprocess.TimeoutExpired:
            verdict = f"no end within {PROBE_SECONDS} s"
        with self.print_lock:
            print(json.dumps(dataclasses.asdict(Probe(at, self.resolver, host, family, verdict))), flush=True)


class Senders:
    """All helpers; every probe is kept, and handed to `listener` as it comes."""

    def __init__(self, folder: pathlib.Path, listener: Optional[Callable[[Probe], None]] = None):
        self.folder, self.listener = folder / "senders", listener
        self.probes: list[Probe] = []
        self._helpers: list[subprocess.Popen] = []
        self._readers: list[threading.Thread] = []
        self._lock = threading.Lock()

    def start(self) -> None:
        for resolver, address in addresses.RESOLVERS.items():
            folder = self.folder / resolver
            folder.mkdir(parents=True)
            command = ["unshare", "--mount", sys.executable, __file__, resolver, address, str(folder)]
            with (folder / "log").open("ab") as log:
                helper = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True)
            reader = threading.Thread(target=self._read, args=(helper,), daemon=True)
            reader.start()
            self._helpers.append(helper)
            self._readers.append(reader)

    def _read(self, helper: subprocess.Popen) -> None:
        for line in helper.stdout:
            probe = Probe(**json.loads(line))
            with self._lock:
                self.probes.append(probe)
            if self.listener:
                self.listener(probe)

    def require_running(self) -> None:
        for helper in self._helpers:
            if helper.poll() is not None:
                raise RuntimeError(f"a sender helper has ended with {helper.returncode}; see {self.folder}/*/log")

    def since(self, at: float, until: float = float("inf")) -> list[Probe]:
        """The probes that began in [at, until)."""
        with self._lock:
            return [probe for probe in self.probes if at <= probe.at < until]

    def stop(self) -> None:
        for helper in self._helpers:
            helper.terminate()
        for helper in self._helpers:
            helper.wait(timeout=10)
        for reader in self._readers:
            reader.join(timeout=10)


def combinations() -> set[tuple[str, str, str]]:
    return {(resolver, host, family) for resolver in addresses.RESOLVERS for host, families in _FAMILIES.items() for family in families}


def seen_combinations(probes: Iterable[Probe]) -> set[tuple[str, str, str]]:
    return {(probe.resolver, probe.host, probe.family) for probe in probes}


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    _Helper(sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])).run()
