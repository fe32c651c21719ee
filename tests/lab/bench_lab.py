"""How late the agent switches and how fast an emergency roll is, with real servers.

    python3 tests/lab/bench_lab.py [--binary FILE] [--rolls N] [--emergencies N] [--keep]      needs root

Rolls are asked for right after the one before them, so that their standby is not ready yet and each waits for W1. Exit 1 when a
switch began before its `earliest_safe`, or when one that the machine did not hold up was later than 3 x observe_every + 1 s.
"""
import argparse
import json
import pathlib
import statistics
import sys
import threading
import time
from dataclasses import dataclass
from typing import Any

from addresses import HOSTS
from isolation import isolated
from mxseal import TIMING, Mxseal, find_binary, instant
from process import TooLate
from world import World

_ADOPT_SECONDS, _ROLL_SECONDS = 90, 45
_OBSERVE_EVERY = float(TIMING["observe_every"].removesuffix("s"))
_LATE_MAX = 3 * _OBSERVE_EVERY + 1
# Longer than the lab's own, so that W1 is still not over when the roll before is finished.
_STALE_MARGIN = "8s"
_NAP = 0.1
_SLOW = 0.25  # our choice: a nap of 100 ms that lasts 250 ms longer is a machine with other things to do
_SLOW_BEFORE = 5.0  # seconds before a switch in which a slow moment can have held up what it waited for


class Pulse(threading.Thread):
    """The machine's own scheduling delay: sleeps 100 ms at a time and writes down by how much it woke too late."""

    def __init__(self):
        super().__init__(daemon=True)
        self.naps: list[tuple[float, float]] = []  # wall time, overshoot in seconds
        self._end = threading.Event()

    def run(self) -> None:
        while not self._end.is_set():
            begin = time.monotonic()
            time.sleep(_NAP)
            self.naps.append((time.time(), time.monotonic() - begin - _NAP))

    def stop(self) -> None:
        self._end.set()
        self.join(timeout=5)

    def worst(self, begin: float, end: float) -> float:
        return max((over for at, over in list(self.naps) if begin <= at <= end + _NAP), default=0.0)


@dataclass
class Switch:
    host: str
    waited: float    # from the request to the earliest safe instant
    lateness: float
    overshoot: float

    @property
    def slow(self) -> bool:
        return self.overshoot > _SLOW

    def row(self) -> tuple[str, ...]:
        verdict = "EARLY" if self.lateness < 0 else "in bound" if self.lateness <= _LATE_MAX else "LATE"
        return (self.host.split(".")[0], f"{self.waited:.1f}", f"{self.lateness * 1000:.0f}", f"{self.overshoot * 1000:.0f}",
                verdict + (" (slow machine)" if self.slow else ""))


@dataclass
class Emergency:
    both_verified: float
    each: dict[str, float]
    reloads: dict[str, float]

    def row(self) -> tuple[str, ...]:
        return (f"{self.both_verified:.2f}", *(f"{self.each[host]:.2f}" for host in HOSTS), *(f"{self.reloads[host] * 1000:.0f}" for host in HOSTS))


class _Mxseal(Mxseal):
    def log(self) -> list[dict[str, Any]]:
        # A dozen rolls are more than the 100 lines that `mxseal log` prints unasked.
        return [json.loads(line) for line in self.run("log", "--json", "--limit", "10000").splitlines() if line.strip()]


class Bench:
    def __init__(self, folder: pathlib.Path, binary: pathlib.Path, rolls: int, emergencies: int):
        self.folder, self.binary, self.rolls, self.emergencies = folder, binary, rolls, emergencies
        self.pulse = Pulse()

    def run(self) -> int:
        with World(self.folder) as world:
            self.world, self.mxseal = world, _Mxseal(world, self.binary, {"stale_margin": _STALE_MARGIN})
            self.pulse.start()
            try:
                self.mxseal.start_agent()
                self.mxseal.wait_state(list(HOSTS), "steady", _ADOPT_SECONDS)
                switches = self._queued_rolls()
                emergencies = [self._emergency() for _ in range(self.emergencies)]
                world.require_healthy()
            except (TooLate, RuntimeError) as why:
                print(f"bench_lab: {why}", file=sys.stderr)
                print("\n".join(f"  {entry['at']} {entry.get('host', '')} {entry['event']}: {entry['sentence']}" for entry in self.mxseal.log()[-20:]), file=sys.stderr)
                return 1
            finally:
                self.pulse.stop()
        kept = self._print_switches(switches)
        self._print_emergencies(emergencies)
        self._print_machine()
        return 0 if kept else 1

    def _queued_rolls(self) -> list[Switch]:
        """A first roll of each host uses up its ready standby. From then on a host is asked again as soon as it is done."""
        asked = {host: 1 for host in HOSTS}
        self.mxseal.run("roll", *HOSTS)
        end = time.monotonic() + _ROLL_SECONDS * (self.rolls + 2) / 2
        while time.monotonic() < end:
            log = self.mxseal.log()
            done = {host: sum(entry["event"] == "roll.finished" and (entry.get("host") or "").rstrip(".") == host for entry in log) for host in HOSTS}
            for host in (host for host in HOSTS if done[host] == asked[host] and sum(asked.values()) < self.rolls + len(HOSTS)):
                self.mxseal.run("roll", host)
                asked[host] += 1
            if sum(done.values()) == self.rolls + len(HOSTS):
                return self._switches(log)
            time.sleep(0.3)
        raise TooLate(f"{self.rolls} queued rolls had no end; the agent says: {[host['reason'] for host in self.mxseal.status()['hosts']]}")

    def _switches(self, log: list[dict[str, Any]]) -> list[Switch]:
        requested: dict[str, float] = {}
        found = []
        for entry in log:
            host = (entry.get("host") or "").rstrip(".")
            if entry["event"] == "roll.requested":
                requested[host] = instant(entry["at"])
            if entry["event"] == "switch.started":
                found.append(self._switch(host, entry["fields"], requested[host]))
        return found[len(HOSTS):]  # the first of each had a ready standby

    def _switch(self, host: str, fields: dict[str, Any], requested: float) -> Switch:
        at, safe = instant(fields["at"]), instant(fields["earliest_safe"])
        return Switch(host, safe - requested, at - safe, self.pulse.worst(safe - _SLOW_BEFORE, at))

    def _emergency(self) -> Emergency:
        self.mxseal.wait_state(list(HOSTS), "steady", _ROLL_SECONDS)
        reloads = {host: self._reload_seconds(host) for host in HOSTS}
        verified = {host: len(self.mxseal.events("switch.verified", host)) for host in HOSTS}
        finished = {host: len(self.mxseal.events("roll.finished", host)) for host in HOSTS}
        begin = time.time()
        self.mxseal.run("roll", *HOSTS, "--emergency")
        each = {host: instant(self.mxseal.wait_events("switch.verified", host, verified[host] + 1, _ROLL_SECONDS)[-1]["at"]) - begin for host in HOSTS}
        for host in HOSTS:
            self.mxseal.wait_events("roll.finished", host, finished[host] + 1, _ROLL_SECONDS)
        return Emergency(max(each.values()), each, reloads)

    def _reload_seconds(self, host: str) -> float:
        """The MTA alone, with the file that it serves already."""
        begin = time.monotonic()
        self.world.mail[host].reload()
        return time.monotonic() - begin

    def _print_switches(self, switches: list[Switch]) -> bool:
        print(f"\nqueued rolls: begin of the switch after its earliest safe instant (bound {_LATE_MAX:g} s = 3 x observe_every + 1 s)")
        _table([("host", "waited s", "late ms", "machine ms", ""), *(switch.row() for switch in switches)])
        values = [switch.lateness for switch in switches]
        early = sum(value < 0 for value in values)
        in_bound = sum(0 <= value <= _LATE_MAX for value in values)
        queued = sum(switch.waited > 0 for switch in switches)
        print(f"  min {min(values) * 1000:.0f} ms, median {statistics.median(values) * 1000:.0f} ms, max {max(values) * 1000:.0f} ms; "
              f"{in_bound} of {len(values)} in bound ({in_bound / len(values):.0%}), {early} early; {queued} waited for W1 or the stagger")
        late = [switch for switch in switches if switch.lateness > _LATE_MAX and not switch.slow]
        kept = early == 0 and not late and len(switches) == self.rolls
        print(f"  bound  {'kept' if kept else 'BROKEN'}")
        return kept

    def _print_emergencies(self, emergencies: list[Emergency]) -> None:
        if not emergencies:
            return
        print("\nemergency rolls of both hosts: seconds from the command to switch.verified; `postfix reload` alone beside it")
        _table([("both s", "mx1 s", "mx2 s", "reload mx1 ms", "reload mx2 ms"), *(emergency.row() for emergency in emergencies)])

    def _print_machine(self) -> None:
        overs = sorted(over for _, over in self.pulse.naps)
        slow = sum(over > _SLOW for over in overs)
        print(f"\nmachine: a nap of {_NAP * 1000:.0f} ms lasted longer by {overs[len(overs) // 2] * 1000:.1f} ms (median), {overs[-1] * 1000:.0f} ms (worst); "
              f"{slow} of {len(overs)} naps slow (more than {_SLOW * 1000:.0f} ms)")


def _table(rows: list[tuple[str, ...]]) -> None:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  " + "  ".join(cell.rjust(width) for cell, width in zip(row, widths)).rstrip())


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--binary", help="the mxseal to measure (default: $MXSEAL_BINARY, build/release, build/dev)")
    options.add_argument("--rolls", type=int, default=8, choices=range(1, 41), metavar="N", help="queued rolls, the hosts in turn (8)")
    options.add_argument("--emergencies", type=int, default=3, choices=range(0, 21), metavar="N", help="emergency rolls of both hosts (3)")
    options.add_argument("--keep", action="store_true", help="keep the world's folder")
    chosen = options.parse_args()
    try:
        binary = find_binary(chosen.binary)
    except FileNotFoundError as why:
        sys.exit(f"bench_lab: {why}")
    isolated(lambda folder: Bench(folder, binary, chosen.rolls, chosen.emergencies).run(), chosen.keep)


if __name__ == "__main__":
    main()
