"""What people read: a line an event, and the table at the end."""
import os
import sys
import threading
import time
from datetime import datetime, timezone
from typing import Any, Optional

import addresses
from judge import CACHE_SECONDS, Judge, Switch
from mxseal import instant
from sender import Probe

_COLOURS = {"good": "32", "bad": "31;1", "step": "1", "dim": "2"}
_CALM = {"tlsa.complete", "standby.ready", "switch.verified", "roll.finished", "policy.live", "policy.announced", "mx.reached", "policy.ended"}
_ALARMING = {"host.halted", "switch.failed", "switch.risk", "standby.lost", "tlsa.withdrawn", "roll.backed", "policy.page"}


class Screen:
    """Plain lines; colours on a terminal (unless NO_COLOR)."""

    def __init__(self):
        self._colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        self._begin = time.time()
        self._lock = threading.Lock()

    def line(self, text: str, kind: str = "", at: Optional[float] = None) -> None:
        stamp = f"{(time.time() if at is None else at) - self._begin:7.1f} s  "
        with self._lock:
            print(stamp + self.paint(text, kind), flush=True)

    def plain(self, text: str = "") -> None:
        with self._lock:
            print(text, flush=True)

    def paint(self, text: str, kind: str) -> str:
        return f"\033[{_COLOURS[kind]}m{text}\033[0m" if self._colour and kind else text

    def event(self, entry: dict[str, Any]) -> None:
        kind = "bad" if entry["event"] in _ALARMING else "good" if entry["event"] in _CALM else ""
        host = (entry.get("host") or "").split(".")[0]
        self.line(f"{host:4} {entry['event']:19} {entry.get('sentence', '')}".rstrip(), kind, instant(entry["at"]))


class Tally:
    """Which probes count, and which of those failed.

    A sender that has no TLSA yet cannot be Verified, so one (resolver, host) counts from the end of its first Verified, and at the latest
    from when the last cached "there is none" is over after the first TLSA was complete.
    """

    def __init__(self, screen: Screen):
        self._screen = screen
        self._counts_from: dict[tuple[str, str], float] = {}
        self._lock = threading.Lock()
        self.probes = self.early = 0
        self.failures: list[Probe] = []

    def first_tlsa_complete(self, host: str, at: float) -> None:
        with self._lock:
            for resolver in addresses.RESOLVERS:
                key = (resolver, host)
                self._counts_from[key] = min(self._counts_from.get(key, at + CACHE_SECONDS + 3), at + CACHE_SECONDS + 3)

    def note(self, probe: Probe) -> None:
        key = (probe.resolver, probe.host)
        with self._lock:
            if probe.verified:
                # From its end: another one that began a moment after it may have asked the cache a moment before it.
                now = time.time()
                self._counts_from[key] = min(self._counts_from.get(key, now), now)
            if probe.at < self._counts_from.get(key, float("inf")):
                self.early += 1
                return
            self.probes += 1
            if probe.verified:
                return
            self.failures.append(probe)
        self._screen.line(f"{probe.host.split('.')[0]:4} PROBE FAILED        behind {probe.resolver} over {probe.family}: {probe.verdict}", "bad", probe.at)

    def sentence(self) -> str:
        return f"{self.probes} probes that count, {len(self.failures)} failed ({self.early} came before the first TLSA was known to them)"


def overlapping_switches(log: list[dict[str, Any]]) -> list[str]:
    """P3: hosts whose switch began before another one's was verified."""
    under_way: dict[str, str] = {}
    found = []
    for entry in log:
        if entry["event"] == "switch.started":
            found += [f"{entry['host']} at {entry['at']} while {other} (since {since})" for other, since in under_way.items() if other != entry["host"]]
            under_way[entry["host"]] = entry["at"]
        elif entry["event"] in ("switch.verified", "roll.backed"):
            under_way.pop(entry["host"], None)
    return found


def switch_table(log: list[dict[str, Any]], judge: Judge) -> list[str]:
    """A row a switch: mxseal's own earliest safe instant, the judge's lower bound, and when it really was."""
    rows = [("host", "kind", "from", "to", "safe by the caches", "mxseal's earliest", "switched at", "seen on the wire")]
    for entry in (entry for entry in log if entry["event"] == "switch.started"):
        fields = entry["fields"]
        seen = [switch for switch in judge.switches if switch.host == entry["host"].rstrip(".") and _same_key(switch, str(fields["to"]))]
        bounds = [switch.not_before for switch in seen if switch.not_before]
        rows.append((entry["host"].split(".")[0], str(fields["kind"]), _short(fields["from"]), _short(fields["to"]),
                     _clock(max(bounds)) if bounds else "-", _clock(instant(fields["earliest_safe"])), _clock(instant(fields["at"])),
                     _clock(min(switch.at for switch in seen)) if seen else "-"))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]


def early_by_mxseals_own_word(log: list[dict[str, Any]]) -> list[str]:
    return [f"{entry['host']} switched at {entry['fields']['at']}, before {entry['fields']['earliest_safe']}" for entry in log
            if entry["event"] == "switch.started" and instant(entry["fields"]["at"]) < instant(entry["fields"]["earliest_safe"])]


def _same_key(switch: Switch, to: str) -> bool:
    digest, other = switch.new.split()[-1], to.lower().split()[-1].rstrip(".…")
    return digest.startswith(other) or other.startswith(digest)


def _short(key: Any) -> str:
    return (str(key).split() or ["-"])[-1][:8]


def _clock(at: float) -> str:
    return datetime.fromtimestamp(at, timezone.utc).strftime("%H:%M:%S.%f")[:-5] + "Z"
