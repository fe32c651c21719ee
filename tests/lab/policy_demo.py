"""The MTA-STS half of the demonstration: the steps of policy_story in short, each told as it happens."""
import time
from typing import Callable

import addresses
from addresses import MX1, MX2
from mxseal import Mxseal
from policy_sender import Look
from policy_story import DOMAIN, Story
from report import Screen
from world import World

_STALE_SECONDS = 5  # longer than the id takes when no replica is behind


class PolicyPart:
    """`show` prints what is new in mxseal's log, so that the lines stand in the order of the world."""

    def __init__(self, world: World, mxseal: Mxseal, screen: Screen, show: Callable[[], None]):
        self._mxseal, self._screen, self._show = mxseal, screen, show
        self._story = Story(world, mxseal, self._on_look)
        self._steps_left = ["to enforce", "a host enters", "a host leaves", "the end"]

    def play(self) -> None:
        self._say(f"{DOMAIN}: one MX host, no policy; its endpoint is the agent ({addresses.ENDPOINT}) and a replica ({addresses.REPLICA})")
        with self._story.told():
            self._to_enforce()
            self._host_enters()
            self._host_leaves()
            self._end()

    def sentence(self) -> str:
        return self._story.senders.sentence()

    def problems(self) -> list[str]:
        failures = self._story.senders.failures()
        found = [f"policies: {fault}" for fault in self._story.judge.faults]
        if failures:
            found.append(f"{len(failures)} looks of MTA-STS senders failed")
        if self._steps_left:
            found.append(f"the policy did not come to: {', '.join(self._steps_left)}")
        return found

    def _to_enforce(self) -> None:
        self._say(f"mxseal domain add {DOMAIN}")
        self._story.add()
        self._story.wait_mode("testing")
        self._story.wait_mode("enforce")
        self._story.wait_senders("enforce", lambda look: look.policy.startswith("enforce"))
        self._done("the policy went from nothing to testing to enforce by itself; every sender enforces it")

    def _host_enters(self) -> None:
        self._say(f"mxseal mx add {DOMAIN} {MX2}, while nothing is copied to the replica")
        before = self._story.judge.announced()
        self._story.replica.hold()
        self._mxseal.run("mx", "add", DOMAIN, MX2)
        said = self._story.wait("the wait names the stale replica", lambda policy: addresses.REPLICA in policy["reason"])
        time.sleep(_STALE_SECONDS)
        if self._story.judge.announced() != before:
            raise RuntimeError("a new id was announced while a replica was stale")
        self._say(f"no new id yet: {said['reason']}")
        self._story.replica.release()
        self._story.wait_mx([MX1, MX2])
        self._done(f"{MX2} is in the MX RRset, after every sender could know the policy that names it")

    def _host_leaves(self) -> None:
        self._say(f"mxseal mx remove {DOMAIN} {MX1}")
        self._mxseal.run("mx", "remove", DOMAIN, MX1)
        self._story.wait_mx([MX2])
        self._done(f"{MX1} has left the MX RRset, then the policy")

    def _end(self) -> None:
        self._say(f"mxseal domain remove {DOMAIN}")
        self._mxseal.run("domain", "remove", DOMAIN)
        self._story.wait_mode("none")
        self._story.wait_ended()
        self._done("`mode: none` was announced, kept until no sender held anything else, and nothing is served any more")

    def _on_look(self, look: Look) -> None:
        if look.failed:
            self._screen.line(f"LOOK FAILED  {look.sender} sender behind {look.resolver}: {look.verdict}", "bad", look.at)

    def _say(self, what: str) -> None:
        self._show()
        self._screen.line(what, "step")

    def _done(self, what: str) -> None:
        self._steps_left.pop(0)
        self._show()
        failed = self._story.senders.failures() or self._story.judge.faults
        self._screen.line(f"{what}; {self.sentence()}", "bad" if failed else "good")
