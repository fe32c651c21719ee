#!/usr/bin/env python3
"""What a policy change costs, and what monitoring costs, with the real agent and real name servers on loopback. Needs root.

  policies.py --binary FILE [--domains N] [--cases shared,own] [--observe 5s] [--monitor 2m] [--keep]

shared  N customer zones whose `_mta-sts` is an alias of one TXT record, which the agent writes
own     N customer zones in `zones`, each with a TXT record of its own, which the agent writes
Each: all are announced; the second period of monitor_every at rest is measured; then max_age of the profile is changed in the file, SIGHUP, and
the time runs until the last domain is announced again ("policy.announced" in the agent's log: every name server answers with an id that
was written after every address served the new body). Questions are counted by the servers. CPU is user + system of the agent, endpoint included.
"""
import argparse
import json
import os
import pathlib
import signal
import sqlite3
import sys
import time
from dataclasses import dataclass

import policies_world as world
from isolation import isolated
from mxseal import find_binary
from process import Server, run, wait_until

_IDS_APART = 300  # seconds between two ids of a shared record (rotation/mta_sts/shared.cpp)
_PATIENCE = 3600  # seconds; ten thousand domains on a machine that is shared
_MAX_AGES = ("7d", "14d")  # as the log prints them


@dataclass
class Cost:
    seconds: float
    cpu: float
    dns: world.Counted


class Agent:
    def __init__(self, folder: pathlib.Path, servers: world.Servers, chosen: argparse.Namespace, shared: bool):
        self.folder, self.binary, self.domains = folder, find_binary(chosen.binary), chosen.domains
        self.config, self.state = folder / "mxseal.yaml", folder / "state"
        secret = folder / "tsig"
        secret.write_text(servers.key.secret + "\n")
        secret.chmod(0o600)
        zones = ["hoster.test"] if shared else [world.customer(number) for number in range(chosen.domains)]
        target = f", txt_target: {world.SHARED}" if shared else ""
        self.config.write_text(
            f"state: {self.state}\nresolver: {{forward: [{world.RESOLVER}], trust_anchors: [{servers.trust_anchor}]}}\n"
            "timing: {safety_margin: 1s, resolver_min_ttl: 1s, stale_margin: 1s, emergency_stale_margin: 0s, anycast_margin: 0s, proxy_margin: 0s,\n"
            f"         observe_every: {chosen.observe}, monitor_every: {chosen.monitor}}}\n"
            f"providers:\n  knot: {{type: rfc2136, server: {world.PRIMARY}, tsig: {{name: mxseal, algorithm: hmac-sha256, secret_file: {secret}}}}}\n"
            "zones:\n" + "".join(f"  {zone}: {{provider: knot}}\n" for zone in zones) +
            f'endpoint: {{listen: ["{world.ENDPOINT}:443"], certificate: self-signed, allow_private: on}}\n'
            f"profiles:\n  default: {{mta_sts: {{mode: enforce, at_once: true, max_age: {_MAX_AGES[0]}{target}}}}}\n")
        self.server = Server("mxseal agent", self._command("agent"), folder / "agent.log")

    def _command(self, *words: str) -> list[str]:
        return [str(self.binary), "--config", str(self.config), *words]

    def start(self) -> None:
        names = self.folder / "domains.txt"
        names.write_text("".join(f"{world.customer(number)}\n" for number in range(self.domains)))
        self.server.start()
        wait_until("the agent answers", lambda: self.status()["agent"]["running"], 60, every=0.5)
        run(self._command("domain", "import", str(names)), seconds=120)

    def change_max_age(self) -> None:
        text = self.config.read_text()
        self.config.write_text(text.replace(f"max_age: {_MAX_AGES[0]}", f"max_age: {_MAX_AGES[1]}"))
        self.server.process.send_signal(signal.SIGHUP)

    def status(self) -> dict:
        self.server.require_running()
        return json.loads(run(self._command("status", "--json"), seconds=60))

    def cpu(self) -> float:
        fields = pathlib.Path(f"/proc/{self.server.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory_mb(self) -> float:
        status = pathlib.Path(f"/proc/{self.server.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024

    def ask(self, question: str, *values) -> list[tuple]:
        """Of the agent's log, read beside it."""
        database = sqlite3.connect(f"file:{self.state}/mxseal.sqlite?mode=ro", uri=True, timeout=20)
        try:
            return database.execute(question, values).fetchall()
        finally:
            database.close()

    def log_end(self) -> int:
        return self.ask("SELECT coalesce(max(id), 0) FROM log")[0][0]

    def wait_announced(self, after: int, max_age: str) -> list[float]:
        """Until every domain served this body and was announced after entry `after` of the log; gives the instants of the announcements."""
        last: list[tuple] = []

        def all_are() -> bool:
            nonlocal last
            self.server.require_running()
            last = self.ask("SELECT max(at_ms) FROM log WHERE id > ? AND event = 'policy.announced' AND host IN "
                            "(SELECT host FROM log WHERE id > ? AND event = 'policy.serve' AND sentence LIKE ?) GROUP BY host", after, after, f"%max_age {max_age}%")
            return len(last) == self.domains
        try:
            wait_until(f"{self.domains} policies announced", all_are, _PATIENCE, every=0.5)
        except Exception as late:
            raise RuntimeError(f"{late}; {len(last)} are announced; why others wait: {self._reasons()}") from late
        return sorted(row[0] / 1000 for row in last)

    def _reasons(self) -> list[str]:
        return sorted({domain["mta_sts"]["reason"] for domain in self.status()["domains"] if domain.get("mta_sts")})[:3]

    def wait_at_rest(self) -> None:
        wait_until("every domain at rest", lambda: self.status()["mta_sts"]["changing"] == 0, _PATIENCE, every=1)


class Case:
    def __init__(self, folder: pathlib.Path, chosen: argparse.Namespace, name: str):
        self.name, self.shared, self.chosen = name, name == "shared", chosen
        folder = folder / name
        folder.mkdir()
        self.servers = world.Servers(folder, chosen.domains, self.shared)
        self.agent = Agent(folder, self.servers, chosen, self.shared)

    def run(self) -> None:
        print(f"\n{self.chosen.domains:,} domains, {'one shared TXT record' if self.shared else 'as many zones, each with its own TXT record'}; "
              f"observe_every {self.chosen.observe}, monitor_every {self.chosen.monitor}", flush=True)
        try:
            self.servers.start(world.customer(self.chosen.domains - 1))
            self._print("first policy", self._cost(self._begin))
            self._print("at rest, one look each", self._cost(self._rest))
            if self.shared:
                self._wait_for_next_id()
            end = self.agent.log_end()
            begin = time.time()
            self._print(f"change of max_age {_MAX_AGES[0]} to {_MAX_AGES[1]}", self._cost(self._change))
            self._print_course(end, begin)
        finally:
            self.agent.server.stop()
            self.servers.stop()

    def _begin(self) -> None:
        self.agent.start()
        self.agent.wait_announced(0, _MAX_AGES[0])

    def _rest(self) -> None:
        time.sleep(_seconds(self.chosen.monitor))

    def _change(self) -> None:
        after = self.agent.log_end()
        self.agent.change_max_age()
        self.announced = self.agent.wait_announced(after, _MAX_AGES[1])

    def _wait_for_next_id(self) -> None:
        last = self.agent.ask("SELECT max(at_ms) FROM log WHERE event = 'policy.shared_id'")[0][0] / 1000
        time.sleep(max(0.0, last + _IDS_APART - time.time()))

    def _cost(self, part) -> Cost:
        if part == self._rest:
            self.agent.wait_at_rest()
            time.sleep(_seconds(self.chosen.monitor))  # MX RRsets are looked at three times before they are known
        running = self.agent.server.running()
        counted, cpu, begin = self.servers.counted(), self.agent.cpu() if running else 0.0, time.monotonic()
        part()
        seconds = time.monotonic() - begin
        return Cost(seconds, self.agent.cpu() - cpu, self.servers.counted() - counted)

    def _print(self, what: str, cost: Cost) -> None:
        number, dns = self.chosen.domains, cost.dns
        print(f"  {what}: {cost.seconds:.1f} s; agent {cost.cpu:.2f} s CPU, {cost.cpu / number * 1000:.2f} ms a domain; RSS {self.agent.memory_mb():.0f} MB\n"
              f"    the agent asked the resolver {dns.resolver:,} times ({dns.resolver / number:.2f} a domain) and name servers {dns.direct:,} ({dns.direct / number:.2f}), "
              f"and sent {dns.updates:,} updates ({dns.updates / number:.2f});\n"
              f"    the resolver asked {dns.of_resolver:,} ({dns.of_resolver / number:.2f}); all UDP datagrams, answers too: {dns.udp:,} ({dns.udp / number:.1f})", flush=True)

    def _print_course(self, end: int, begin: float) -> None:
        """When the parts of the change were reached: first, median and last domain, in seconds after SIGHUP."""
        for event, what in (("policy.serve", "looked at after the reload"), ("policy.live", "body seen everywhere"), ("policy.announced", "announced")):
            at = sorted(row[0] / 1000 - begin for row in self.agent.ask("SELECT max(at_ms) FROM log WHERE id > ? AND event = ? GROUP BY host", end, event))
            print(f"    {what:26} {len(at):,}: first {at[0]:.1f} s, half {at[len(at) // 2]:.1f} s, last {at[-1]:.1f} s")
        failed = self.agent.ask("SELECT event, count(*), min(sentence) FROM log WHERE event NOT LIKE 'policy.%' AND event != 'site.body' AND host != '' GROUP BY event")
        for event, count, sentence in failed:
            print(f"    log: {count:,} x {event}, such as: {sentence}")
        ids = self.agent.ask("SELECT count(*) FROM log WHERE id > ? AND event = 'policy.shared_id'", end)[0][0]
        if self.shared:
            print(f"    ids written to the shared record: {ids}")


def _seconds(duration: str) -> int:
    return int(duration[:-1]) * {"s": 1, "m": 60, "h": 3600}[duration[-1]]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--binary", help="the mxseal to measure (default: $MXSEAL_BINARY, build/release, build/dev)")
    options.add_argument("--domains", type=int, default=10_000, choices=range(1, 20_001), metavar="N", help="customer zones (10,000)")
    options.add_argument("--cases", default="shared,own", help="of shared, own")
    options.add_argument("--observe", default="5s", help="observe_every (5s)")
    options.add_argument("--monitor", default="2m", help="monitor_every (2m)")
    options.add_argument("--keep", action="store_true", help="keep the folder of the world")
    chosen = options.parse_args()
    cases = chosen.cases.split(",")
    if not set(cases) <= {"shared", "own"}:
        options.error("--cases takes shared and own")

    def measure(folder: pathlib.Path) -> int:
        # A world of its own for each: both need the same addresses.
        for case in cases:
            Case(folder, chosen, case).run()
        return 0
    isolated(measure, chosen.keep)


if __name__ == "__main__":
    main()
