"""Without an agent: `mxseal apply` from cron."""
import time

import keys
from addresses import ENDPOINTS, HOSTS, MX2
from mxseal import Mxseal, find_binary
from process import wait_until
from promises import watched
from world import World

_EVERY = 2.0  # seconds between two calls
_PATIENCE = 120


def apply_alone(world: World) -> None:
    """Repeated `mxseal apply` calls carry both hosts from nothing to steady and one through a roll."""
    mxseal = Mxseal(world, find_binary())
    with watched(world, mxseal):
        def steady() -> bool:
            _apply(mxseal)
            return all(host["state"] == "steady" for host in mxseal.status()["hosts"])
        wait_until("steady by `apply` alone", steady, _PATIENCE, every=_EVERY)
        old = mxseal.current_key(MX2)
        mxseal.run("roll", MX2)

        def rolled() -> bool:
            _apply(mxseal)
            return bool(mxseal.events("roll.finished", MX2))
        wait_until("a roll by `apply` alone", rolled, _PATIENCE, every=_EVERY)
        wait_until("steady again", steady, _PATIENCE, every=_EVERY)
        assert {host["host"].rstrip(".") for host in mxseal.status()["hosts"]} == set(HOSTS)
        assert mxseal.current_key(MX2) != old
        assert keys.tlsa_on_wire(ENDPOINTS[MX2][0], MX2) == f"3 1 1 {mxseal.current_key(MX2)}"
        time.sleep(2)


def _apply(mxseal: Mxseal) -> None:
    """Exit status 1 (something is tried again) is an answer too."""
    mxseal.run_any("apply", seconds=_PATIENCE)
