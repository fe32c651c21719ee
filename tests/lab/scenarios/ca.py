"""The CA on a bad day."""
from addresses import HOSTS
from mxseal import Mxseal, find_binary
from promises import watched
from world import World

_PATIENCE = 90


def the_ca_is_down_at_the_start(world: World) -> None:
    """Without its CA a host is adopted and published all the same; it says when it tries again, and gets its certificates then."""
    mxseal = Mxseal(world, find_binary())
    world.ca.server.stop()
    with watched(world, mxseal):
        mxseal.start_agent()
        for host in HOSTS:
            mxseal.wait_says(host, "certificate_pending", [world.ca.directory.split("/")[2].split(":")[0], "tried again at 20"], _PATIENCE)
        world.wait_all_verified(30)
        world.ca.server.start()
        world.ca.wait_ready()
        mxseal.wait_state(list(HOSTS), "steady", _PATIENCE)
        assert all(key["certificate_until"] for host in HOSTS for key in mxseal.host(host)["keys"])
