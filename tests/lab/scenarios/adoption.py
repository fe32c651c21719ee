"""How a host becomes mxseal's, and when mxseal keeps its hands off."""
import shutil
import time

import keys
from addresses import HOSTS, MX1, MX2
from mxseal import Mxseal, find_binary
from promises import watched
from world import World

_PATIENCE = 90


def a_pair_that_is_not_in_the_file(world: World) -> None:
    """Without TLSA mxseal waits beside an MTA with another pair and says the line to set; with TLSA it changes nothing at all."""
    mxseal = Mxseal(world, find_binary())
    _serve_from_elsewhere(world, MX1)
    world.mail[MX1].combined.unlink()
    _serve_from_elsewhere(world, MX2)
    keys.self_made(MX2, world.mail[MX2].combined, "rsa")
    world.names.set_tlsa(MX2, [keys.tlsa_on_wire(world.mail[MX2].addresses[0], MX2)])
    before = world.mail[MX2].combined.read_bytes(), _zone(world, MX2)
    with watched(world, mxseal):
        mxseal.start_agent()
        line = f"smtpd_tls_chain_files = {world.mail[MX1].combined}"
        mxseal.wait_says(MX1, "waiting_for_mta", [line], _PATIENCE)
        printed = " ".join(mxseal.run_any("status").split())
        assert line in printed, f"the line to set is missing in what `mxseal status` prints: {printed}"
        mxseal.wait_says(MX2, "halted", ["whose private key mxseal does not have", "nothing was changed"], _PATIENCE)
        time.sleep(5)  # both stay so
        assert mxseal.host(MX1)["state"] == "waiting_for_mta" and not any(world.names.tlsa(MX1).values())
        assert (world.mail[MX2].combined.read_bytes(), _zone(world, MX2)) == before, "a halted host was changed"

        world.mail[MX1].read_from(world.mail[MX1].combined)
        mxseal.wait_state([MX1], "steady", _PATIENCE)
        assert (world.mail[MX2].combined.read_bytes(), _zone(world, MX2)) == before, "a halted host was changed"
        keys.swap(world.mail[MX2].combined, _elsewhere(world, MX2).read_text())
        world.mail[MX2].read_from(world.mail[MX2].combined)
        mxseal.wait_state(list(HOSTS), "steady", _PATIENCE)


def _elsewhere(world: World, host: str):
    return world.folder / f"snakeoil-{host}.pem"


def _serve_from_elsewhere(world: World, host: str) -> None:
    shutil.copy(world.mail[host].combined, _elsewhere(world, host))
    world.mail[host].read_from(_elsewhere(world, host))


def _zone(world: World, host: str) -> str:
    """The owner's TLSA records as the primary keeps them, TTL and all."""
    return world.names.primary.control("zone-read", "example.test.", f"_25._tcp.{host}.", "TLSA")
