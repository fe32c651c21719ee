"""Operators, and what kills agents."""
import random
import secrets
import subprocess
import time

from addresses import HOSTS, MX1, MX2
from mxseal import Mxseal, find_binary
from promises import watched
from world import World

_PATIENCE = 120
_KILLS = 5


def a_second_agent_halt_and_roll_back(world: World) -> None:
    """A second agent is refused; `halt` stops a roll in its wait until `resume`; `roll --back` returns to the old key."""
    # Neither wait ends by itself here, however slow the machine is; the scenario shortens each when its part is done.
    mxseal = Mxseal(world, find_binary(), {"stagger": "1h", "rollback_hold": "1h"}, rotate_every="12h")
    with watched(world, mxseal):
        mxseal.start_agent()
        mxseal.wait_running()  # else the second one could come first
        _require_second_refused(mxseal)
        mxseal.wait_state(list(HOSTS), "steady", _PATIENCE)

        mxseal.run("roll", MX1, MX2)
        mxseal.wait_events("switch.verified", MX2, 1, _PATIENCE)  # the host of lower preference goes first
        mxseal.wait_says(MX1, "steady", ["stagger 1h"], _PATIENCE)
        mxseal.run("halt", MX1)
        mxseal.wait_says(MX1, "halted", ["halted by", f"mxseal resume {MX1}"], _PATIENCE)
        _shorten(mxseal, "stagger: 1h", "stagger: 3s", 1)
        time.sleep(10)  # the stagger is over
        assert not mxseal.events("switch.started", MX1), "a halted host was switched"
        old = mxseal.current_key(MX1)
        mxseal.run("resume", MX1)
        mxseal.wait_events("switch.verified", MX1, 1, _PATIENCE)
        new = mxseal.current_key(MX1)
        assert new != old

        mxseal.run("roll", MX1, "--back")
        mxseal.wait_events("roll.backed", MX1, 1, _PATIENCE)
        _shorten(mxseal, "rollback_hold: 1h", "rollback_hold: 3s", 2)
        mxseal.wait_state(list(HOSTS), "steady", _PATIENCE)
        assert mxseal.current_key(MX1) == old
        assert not mxseal.events("roll.finished", MX1)
        assert any(key["spki_sha256"] == new and key["role"] == "next" for key in mxseal.host(MX1)["keys"]), "the new key is not a standby again"


def five_kills_in_one_roll(world: World) -> None:
    """An agent that is killed five times at random moments of one roll ends the roll, without a gap."""
    seed = secrets.randbelow(1_000_000)
    print(f"       five_kills_in_one_roll: seed {seed}", flush=True)
    moments = random.Random(seed)
    mxseal = Mxseal(world, find_binary(), {"rollback_hold": "20s"})
    with watched(world, mxseal):
        mxseal.start_agent()
        mxseal.wait_state(list(HOSTS), "steady", _PATIENCE)
        old = mxseal.current_key(MX2)
        mxseal.run("roll", MX2)
        for turn in range(_KILLS):
            time.sleep(moments.uniform(0.1, 3.0))
            assert not mxseal.events("roll.finished", MX2), f"the roll was over before kill {turn + 1}"
            mxseal.kill_agent()
            time.sleep(moments.uniform(0.0, 1.0))
            mxseal.start_agent()
        mxseal.wait_events("roll.finished", MX2, 1, _PATIENCE)
        mxseal.wait_state(list(HOSTS), "steady", _PATIENCE)
        assert mxseal.current_key(MX2) != old
        assert len(mxseal.events("roll.finished", MX2)) == 1


def _shorten(mxseal: Mxseal, old: str, new: str, reloads: int) -> None:
    mxseal.change_config(old, new)
    mxseal.reload_config()
    mxseal.wait_events("config.reloaded", "", reloads, _PATIENCE)


def _require_second_refused(mxseal: Mxseal) -> None:
    for word in ("agent", "apply"):
        second = subprocess.run(mxseal.command(word), capture_output=True, text=True, timeout=30, check=False)
        assert second.returncode in (1, 2), f"a second `mxseal {word}` ended with {second.returncode}"
        assert f"agent pid {mxseal.agent.process.pid} holds the lease of this store; stop it first" in second.stderr, f"it says: {second.stderr}"
