"""The demonstration: mxseal adopts two Postfix hosts and rolls their keys while four caches and real DANE senders watch; then it takes a
mail domain from no MTA-STS policy to enforce, changes its MX set and ends the policy, while real MTA-STS senders watch.

    scripts/demo [--seed N] [--keep]           builds and runs it; needs root
    python3 tests/lab/demo.py [--binary FILE] [--seed N] [--keep]

One planned roll of both hosts, one emergency roll, one kill -9 of the agent in the middle of a roll; then the policy's steps, one of them
with a stale replica. Exit 0 only if every roll and step happened, no probe failed once the first TLSA was complete, and no look of an
MTA-STS sender failed. It leaves a picture of each host, .lab/timeline-HOST.svg.
"""
import argparse
import pathlib
import random
import secrets
import sys
import threading
import time
from typing import Any

import policy_demo
import policy_story
from addresses import HOSTS, MX1, MX2
from isolation import isolated
from judge import Judge
from mxseal import Mxseal, find_binary, instant
from process import TooLate
from report import Screen, Tally, early_by_mxseals_own_word, overlapping_switches, switch_table
from world import World

_ADOPT_SECONDS, _ROLL_SECONDS = 90, 120
_ROLLS_WANTED = {MX1: 2, MX2: 2}
# What the demonstration leaves behind; the world's own folder goes.
_LEFT = pathlib.Path(__file__).resolve().parents[2] / ".lab"


class LiveLog(threading.Thread):
    """Prints each line of mxseal's log as it comes."""

    def __init__(self, mxseal: Mxseal, screen: Screen):
        super().__init__(daemon=True)
        self._mxseal, self._screen = mxseal, screen
        self._shown: set[Any] = set()
        self._end = threading.Event()
        self._lock = threading.Lock()

    def run(self) -> None:
        while not self._end.wait(0.4):
            self.show()

    def show(self) -> None:
        """What is new, now; also called before a step's own line, so that the lines stand in the order of the world."""
        with self._lock:
            self._show()

    def _show(self) -> None:
        try:
            log = self._mxseal.log()
        except RuntimeError:
            return  # no store yet; a log that never comes is found by whoever waits for its events
        for entry in (entry for entry in log if entry["id"] not in self._shown):
            self._shown.add(entry["id"])
            self._screen.event(entry)

    def stop(self) -> None:
        self._end.set()
        self.join(timeout=30)
        self.show()


class Demo:
    def __init__(self, folder: pathlib.Path, binary: pathlib.Path, seed: int):
        self.screen = Screen()
        self.tally = Tally(self.screen)
        self.folder, self.binary, self.random, self.seed = folder, binary, random.Random(seed), seed
        self.problems: list[str] = []

    def run(self) -> int:
        self.screen.line("a world of 3 name servers, 5 resolvers, a CA and 2 MTAs is being made ...", "step")
        with World(self.folder, self.tally.note) as world:
            self.screen.line("the world stands", "step")
            self.mxseal, self.judge = Mxseal(world, self.binary, policy_story.TIMING), Judge(world, self.tally.first_tlsa_complete)
            policy_story.configure(world, self.mxseal)
            self.policies = policy_demo.PolicyPart(world, self.mxseal, self.screen, self.live_show)
            self.screen.plain("\n" + self.mxseal.config.read_text())
            self.live = LiveLog(self.mxseal, self.screen)
            world.senders.start()
            self.judge.start()
            self.live.start()
            try:
                self._play(world)
                self.policies.play()
                world.require_healthy()
            except (TooLate, RuntimeError) as why:
                self.problems.append(str(why).partition("; its last words")[0])
                self.screen.line(self.problems[-1], "bad")
                self._last_words()
            self.live.stop()
            self.judge.stop()
            world.senders.stop()
            return self._close()

    def _play(self, world: World) -> None:
        self.screen.line("agent started", "step")
        self.mxseal.start_agent()
        self.mxseal.wait_state(list(HOSTS), "steady", _ADOPT_SECONDS)
        world.wait_all_verified(30)
        self._step_done("both hosts are adopted, their standby keys are ready")
        begin = time.time()
        self._roll([MX1, MX2], "a planned roll of both hosts")
        self._step_done("both hosts rolled")
        self._roll([MX2], "an emergency roll of mx2", "--emergency")
        self._step_done("mx2 rolled in an emergency")
        self._killed_roll(self._roll_seconds(MX1, begin))
        self._step_done("mx1 rolled, although the agent was killed")
        world.watch(3)

    def _roll(self, hosts: list[str], what: str, *options: str) -> None:
        done = {host: len(self.mxseal.events("roll.finished", host)) for host in hosts}
        self._request(hosts, what, *options)
        for host in hosts:
            self.mxseal.wait_events("roll.finished", host, done[host] + 1, _ROLL_SECONDS)
        self.mxseal.wait_state(list(HOSTS), "steady", _ROLL_SECONDS)

    def _request(self, hosts: list[str], what: str, *options: str) -> None:
        self.screen.line(f"{what}: mxseal roll {' '.join([*hosts, *options])}", "step")
        self.mxseal.run("roll", *hosts, *options)

    def _roll_seconds(self, host: str, since: float) -> float:
        """How long the planned roll took, to put the kill somewhere inside the next one."""
        begin = max(instant(entry["at"]) for entry in self.mxseal.events("roll.requested", host) if instant(entry["at"]) >= since - 1)
        return instant(self.mxseal.events("roll.finished", host)[-1]["at"]) - begin

    def _killed_roll(self, usual: float) -> None:
        fraction = self.random.random() * 0.9
        done, written = (len(self.mxseal.events(event, MX1)) for event in ("roll.finished", "cleanup.written"))
        self._request([MX1], "one more planned roll of mx1")
        self.screen.line(f"kill -9 of the agent comes at {fraction:.0%} of a roll's usual {usual:.1f} s (--seed {self.seed} repeats it)", "step")
        moment = time.monotonic() + fraction * usual
        # A roll that is faster than the one before is killed at its last step.
        while time.monotonic() < moment and len(self.mxseal.events("cleanup.written", MX1)) == written:
            time.sleep(0.1)
        self.mxseal.kill_agent()
        self.live.show()
        if len(self.mxseal.events("roll.finished", MX1)) > done:
            self.problems.append("the roll was over before the kill")
        self.screen.line("agent killed (-9); it starts again after a second", "step")
        time.sleep(1)
        self.mxseal.start_agent()
        self.mxseal.wait_events("roll.finished", MX1, done + 1, _ROLL_SECONDS)
        self.mxseal.wait_state(list(HOSTS), "steady", _ROLL_SECONDS)

    def live_show(self) -> None:
        self.live.show()

    def _step_done(self, what: str) -> None:
        self.live.show()
        self.screen.line(f"{what}; {self.tally.sentence()}", "bad" if self.tally.failures else "good")

    def _last_words(self) -> None:
        log = self.mxseal.folder / "agent.log"
        if log.exists():
            self.screen.plain("the agent's last words:\n" + log.read_text(errors="replace")[-3000:])

    def _close(self) -> int:
        try:
            log = self.mxseal.log()
        except RuntimeError as why:
            self.problems.append(str(why))
            log = []
        self.screen.plain()
        for row in switch_table(log, self.judge):
            self.screen.plain(row)
        rolls = {host: sum(entry["event"] == "roll.finished" and (entry.get("host") or "").rstrip(".") == host for entry in log) for host in HOSTS}
        self._find_problems(log, rolls)
        pictures = self._draw()
        self.screen.plain(f"\nprobes    {self.tally.sentence()}")
        self.screen.plain(f"policies  {self.policies.sentence()}")
        self.screen.plain(f"rolls     {', '.join(f'{host} {count}' for host, count in rolls.items())}")
        self.screen.plain(f"agent     killed and restarted once, seed {self.seed}")
        for picture in pictures:
            self.screen.plain(f"picture   {picture} (open it in a browser)")
        for problem in self.problems:
            self.screen.plain(self.screen.paint(f"problem   {problem}", "bad"))
        self.screen.plain(self.screen.paint("result    FAILED" if self.problems else "result    no gap", "bad" if self.problems else "good"))
        return 1 if self.problems else 0

    def _draw(self) -> list[pathlib.Path]:
        """The whole life of both hosts, drawn by mxseal itself."""
        _LEFT.mkdir(exist_ok=True)
        drawn = []
        for host in HOSTS:
            picture = _LEFT / f"timeline-{host}.svg"
            try:
                self.mxseal.run("timeline", host, "--from", "1d-ago", "--svg", str(picture))
                drawn.append(picture)
            except RuntimeError as why:
                self.problems.append(f"no picture of {host}: {why}")
        return drawn

    def _find_problems(self, log: list[dict[str, Any]], rolls: dict[str, int]) -> None:
        if self.tally.failures:
            self.problems.append(f"{len(self.tally.failures)} probes failed")
        if not self.tally.probes:
            self.problems.append("no probe counted")
        if rolls != _ROLLS_WANTED:
            self.problems.append(f"rolls finished: {rolls}, wanted {_ROLLS_WANTED}")
        self.problems += self.policies.problems()
        self.problems += [f"too early: {found}" for found in early_by_mxseals_own_word(log)]
        self.problems += [f"two hosts in a switch: {found}" for found in overlapping_switches(log)]
        self.problems += [f"too early by the judge: {switch}" for switch in self.judge.switches if switch.early]
        self.problems += [f"no match: {found}" for found in self.judge.mismatches]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--binary", help="the mxseal to show (default: $MXSEAL_BINARY, build/release, build/dev)")
    options.add_argument("--seed", type=int, help="repeats a run's random choices")
    options.add_argument("--keep", action="store_true", help="keep the world's folder")
    chosen = options.parse_args()
    try:
        binary = find_binary(chosen.binary)
    except FileNotFoundError as why:
        sys.exit(f"demo: {why}")
    seed = chosen.seed if chosen.seed is not None else secrets.randbelow(1_000_000)
    isolated(lambda folder: Demo(folder, binary, seed).run(), chosen.keep)


if __name__ == "__main__":
    main()
