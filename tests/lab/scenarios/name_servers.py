"""A secondary that is away, and other hands in the zone."""
import os
import threading
import time

import addresses
import keys
from addresses import HOSTS, MX1, MX2
from mxseal import Mxseal, find_binary, instant
from promises import watched
from world import World

_PATIENCE = 90
_GRACE, _SHORT_GRACE = 1800, 5  # seconds: unreachable_grace here; the first is not over before the server is back, on no machine
_CACHE_FORGETS_SECONDS = 20  # until `older` asks a secondary again that was away: Unbound's infra-host-ttl and its back-off


def a_secondary_that_is_away(world: World) -> None:
    """No switch while the secondary is away and within its grace; the wait names it, and the roll ends after its return."""
    mxseal = Mxseal(world, find_binary(), {"unreachable_grace": f"{_GRACE}s"})
    with watched(world, mxseal) as watch:
        mxseal.start_agent()
        mxseal.wait_state(list(HOSTS), "steady", _PATIENCE)
        world.wait_all_verified(30)

        away = time.time()
        world.names.secondary.server.stop()
        mxseal.run("roll", MX2)
        mxseal.wait_says(MX2, "steady", [f"ns2.example.test ({addresses.SECONDARY}) does not answer", "unreachable_grace"], _PATIENCE)
        time.sleep(5)
        assert not mxseal.events("switch.started", MX2), "switched although a server was away"
        back = time.time()
        world.names.secondary.server.start()
        watch.excuse("older", away, back + _CACHE_FORGETS_SECONDS)
        mxseal.wait_events("roll.finished", MX2, 1, _PATIENCE)
        started = instant(mxseal.events("switch.started", MX2)[0]["at"])
        assert started >= min(back, away + _GRACE), f"switched {away + _GRACE - started:.1f} s before the grace was over"
        mxseal.wait_state(list(HOSTS), "steady", _PATIENCE)

        # Now it hangs, for longer than a shorter grace: the switch comes after that, the end of the roll after its return.
        mxseal.change_config(f"unreachable_grace: {_GRACE}s", f"unreachable_grace: {_SHORT_GRACE}s")
        mxseal.reload_config()
        mxseal.wait_events("config.reloaded", "", 1, 30)
        time.sleep(max(0.0, back + _CACHE_FORGETS_SECONDS - time.time()))
        away = time.time()
        world.names.secondary.server.pause()
        mxseal.run("roll", MX1)
        mxseal.wait_events("switch.verified", MX1, 1, _PATIENCE)
        assert instant(mxseal.events("switch.started", MX1)[0]["at"]) >= away + _SHORT_GRACE, "switched before the grace was over"
        assert not mxseal.events("roll.finished", MX1), "the old record is known to be gone, although a server hangs"
        world.names.secondary.server.resume()
        watch.excuse("older", away, time.time() + _CACHE_FORGETS_SECONDS)
        mxseal.wait_events("roll.finished", MX1, 1, _PATIENCE)
        mxseal.wait_state(list(HOSTS), "steady", _PATIENCE)


def other_hands_in_the_zone(world: World) -> None:
    """A foreign `3 1 1` stays in every version; a standby's record that somebody deletes comes back, and the next roll waits W1 anew."""
    mxseal = Mxseal(world, find_binary())
    with watched(world, mxseal):
        mxseal.start_agent()
        mxseal.wait_state(list(HOSTS), "steady", _PATIENCE)
        foreign = f"3 1 1 {os.urandom(32).hex()}"
        owner = addresses.tlsa_owner(MX1)
        world.names.update([f"update add {owner}. {addresses.TLSA_TTL} TLSA {foreign}"])
        with _every_version_holds(world, MX1, foreign):
            mxseal.roll_and_wait(MX1)

            standby = next(key["spki_sha256"] for key in mxseal.host(MX1)["keys"] if key["role"] == "next")
            lost, repaired, ready = (len(mxseal.events(event, MX1)) for event in ("standby.lost", "tlsa.repair", "standby.ready"))
            world.names.update([f"update delete {owner}. TLSA 3 1 1 {standby}"])
            mxseal.wait_events("standby.lost", MX1, lost + 1, _PATIENCE)
            mxseal.run("roll", MX1)
            mxseal.wait_events("tlsa.repair", MX1, repaired + 1, _PATIENCE)
            mxseal.wait_events("standby.ready", MX1, ready + 1, _PATIENCE)
            mxseal.wait_events("roll.finished", MX1, 2, _PATIENCE)
            mxseal.wait_state(list(HOSTS), "steady", _PATIENCE)
        complete = [instant(entry["fields"]["complete_at"]) for entry in mxseal.events("tlsa.complete", MX1) if standby[:8] in entry["fields"]["records"]
                    and instant(entry["at"]) > instant(mxseal.events("tlsa.repair", MX1)[-1]["at"])]
        switched = instant(mxseal.events("switch.started", MX1)[-1]["at"])
        # W1 with the lab's waits: the min-ttl cache's 8 s, safety_margin 2 s, stale_margin 4 s.
        assert switched >= complete[0] + 14, f"switched {switched - complete[0]:.1f} s after the repaired record was complete"
        assert keys.tlsa_on_wire(addresses.MX1_V4, MX1).endswith(standby), "the standby that was attacked is not in service"


class _every_version_holds:
    """No server answers for the host without the record once both have it."""

    def __init__(self, world: World, host: str, record: str):
        self._world, self._host, self._record = world, host, record
        self._without: list[str] = []
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> None:
        deadline = time.monotonic() + 15
        while not all(self._record in (seen or ()) for seen in self._world.names.tlsa(self._host).values()):
            assert time.monotonic() < deadline, "the foreign record did not come to both servers"
            time.sleep(0.2)
        self._thread.start()

    def _run(self) -> None:
        while not self._end.wait(0.2):
            for server, seen in self._world.names.tlsa(self._host).items():
                if seen is not None and self._record not in seen:
                    self._without.append(f"{server}: {sorted(seen)}")

    def __exit__(self, kind, *_) -> None:
        self._end.set()
        self._thread.join(timeout=15)
        if kind is None:
            assert not self._without, f"the foreign record was gone: {self._without[0]}"
