"""What keeps the first TLSA out of the zone."""
import time

from addresses import HOSTS, PRIMARY
from knot import new_tsig
from mxseal import Mxseal, find_binary
from promises import watched
from world import World

_PATIENCE = 90


def an_unsigned_zone_and_a_wrong_tsig_secret(world: World) -> None:
    """An unsigned zone, then a wrong TSIG secret keep every TLSA out and are named; each mended, it goes on by itself."""
    mxseal = Mxseal(world, find_binary())
    right = (mxseal.folder / "tsig").read_text()
    (mxseal.folder / "tsig").write_text(new_tsig("wrong").secret + "\n")
    world.names.set_signed(False)
    with watched(world, mxseal):
        mxseal.start_agent()
        for host in HOSTS:
            # Who was asked, for what, and what came back.
            mxseal.wait_says(host, "halted", ["not signed", f"{host}", " A "], _PATIENCE)
        _require_nothing_written(world, mxseal)

        world.names.set_signed(True)
        world.forget_zone()
        for host in HOSTS:
            mxseal.wait_says(host, "precheck", [PRIMARY, "refused the TSIG key mxseal", "check name, algorithm and secret"], _PATIENCE)
        _require_nothing_written(world, mxseal)

        (mxseal.folder / "tsig").write_text(right)
        mxseal.reload_config()
        mxseal.wait_state(list(HOSTS), "steady", _PATIENCE)


def _require_nothing_written(world: World, mxseal: Mxseal) -> None:
    begin = time.monotonic()
    while time.monotonic() < begin + 5:
        for host in HOSTS:
            assert not any(world.names.tlsa(host).values()), f"a TLSA of {host} is in the zone"
        time.sleep(0.3)
    assert not mxseal.events("tlsa.written")
