"""What every bad day has to keep: no failed probe, no early switch, never two hosts at once.

    with watched(world, mxseal) as watch: ...

starts the senders and the judge, and at the end of the `with` fails the scenario when one of them saw a gap.
"""
import contextlib
import sys
from typing import Iterator

from judge import Judge
from mxseal import Mxseal
from process import wait_until
from report import Screen, Tally, early_by_mxseals_own_word, overlapping_switches
from sender import MISMATCH, Probe
from world import World

_PROBE_SECONDS = 60  # until a sender has ended a probe, on a machine as slow as it may be
_LAST_WORDS = 6000  # characters of the agent's log that a failure shows


class Watch:
    def __init__(self, world: World, mxseal: Mxseal):
        self.tally, self._mxseal = Tally(Screen()), mxseal
        self.judge = Judge(world, self.tally.first_tlsa_complete)
        world.senders.listener = self.tally.note
        self._excused: list[tuple[str, float, float]] = []

    def excuse(self, resolver: str, since: float, until: float) -> None:
        """That cache had no name server to ask in this time: its senders may have found no answer, but never a wrong one."""
        self._excused.append((resolver, since, until))

    def _counts(self, probe: Probe) -> bool:
        if MISMATCH in probe.verdict:
            return True
        return not any(probe.resolver == resolver and since <= probe.at <= until for resolver, since, until in self._excused)

    def wait_counted(self) -> None:
        """A scenario may end sooner after the first TLSA than a slow sender ends its probe."""
        wait_until("a probe counts", lambda: self.tally.probes, _PROBE_SECONDS)

    def require_no_gap(self) -> None:
        log = self._mxseal.log()
        failures = [probe for probe in self.tally.failures if self._counts(probe)]
        assert not failures, f"{len(failures)} probes failed, the first: {failures[0]}"
        assert self.tally.probes, "no probe counted"
        assert not self.judge.mismatches, f"no match: {self.judge.mismatches}"
        early = [str(switch) for switch in self.judge.switches if switch.early] + early_by_mxseals_own_word(log)
        assert not early, f"too early: {early}"
        assert not overlapping_switches(log), f"two hosts in a switch: {overlapping_switches(log)}"


@contextlib.contextmanager
def watched(world: World, mxseal: Mxseal) -> Iterator[Watch]:
    watch = Watch(world, mxseal)
    world.senders.start()
    watch.judge.start()
    try:
        yield watch
        watch.wait_counted()
    except BaseException:
        _last_words(mxseal)
        raise
    finally:
        watch.judge.stop()
    watch.require_no_gap()


def _last_words(mxseal: Mxseal) -> None:
    log = mxseal.folder / "agent.log"
    if log.exists():
        print(f"the agent's last words:\n{log.read_text(errors='replace')[-_LAST_WORDS:]}", file=sys.stderr)
    with contextlib.suppress(RuntimeError, OSError):
        for host in mxseal.status()["hosts"]:
            print(f"{host['host']} {host['state']}: {host['reason']}", file=sys.stderr)
