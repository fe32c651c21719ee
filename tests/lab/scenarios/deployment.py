"""Files that cannot be written, and MTAs that do not take notice."""
import pathlib
import subprocess

import keys
from addresses import HOSTS, MX1, MX2
from mxseal import Mxseal, find_binary
from promises import watched
from world import World

_PATIENCE = 120


def a_reload_that_fails(world: World) -> None:
    """When the reload fails the former pair is back in the file, the host halts and says what to do; `resume` finishes the roll."""
    mxseal = Mxseal(world, find_binary())
    broken = world.folder / "reload-is-broken"
    reload = _reload_script(world, MX1, broken)
    mxseal.change_config(f"reload: [{', '.join(world.mail[MX1].reload_command())}]", f"reload: [{reload}]")
    with watched(world, mxseal):
        mxseal.start_agent()
        mxseal.wait_state(list(HOSTS), "steady", _PATIENCE)
        old = mxseal.current_key(MX1)
        broken.touch()
        mxseal.run("roll", MX1)
        mxseal.wait_events("switch.failed", MX1, 1, _PATIENCE)
        mxseal.wait_says(MX1, "halted", ["the reload is broken", "the former key serves again", f"mxseal resume {MX1}"], _PATIENCE)
        assert keys.tlsa_of_file(world.mail[MX1].combined) == f"3 1 1 {old}", "the former pair is not back in the file"
        assert mxseal.current_key(MX1) == old
        broken.unlink()
        mxseal.run("resume", MX1)
        mxseal.wait_events("roll.finished", MX1, 1, _PATIENCE)
        mxseal.wait_state(list(HOSTS), "steady", _PATIENCE)
        assert mxseal.current_key(MX1) != old


def a_full_disk_under_the_deploy_file(world: World) -> None:
    """With no room for the new file the old pair stays in service and the disk is named; with room and `resume` the roll ends."""
    mxseal = Mxseal(world, find_binary())
    combined = world.mail[MX2].combined
    ballast = _small_disk(combined)
    with watched(world, mxseal):
        mxseal.start_agent()
        mxseal.wait_state(list(HOSTS), "steady", _PATIENCE)
        old, before = mxseal.current_key(MX2), combined.read_bytes()
        _fill(ballast)
        mxseal.run("roll", MX2)
        mxseal.wait_says(MX2, "halted", ["No space left on device", str(combined), f"mxseal resume {MX2}"], _PATIENCE)
        assert combined.read_bytes() == before, "the deployed file was changed"
        assert mxseal.current_key(MX2) == old
        ballast.unlink()
        mxseal.run("resume", MX2)
        mxseal.wait_events("roll.finished", MX2, 1, _PATIENCE)
        mxseal.wait_state(list(HOSTS), "steady", _PATIENCE)
        assert mxseal.current_key(MX2) != old


def _reload_script(world: World, host: str, broken: pathlib.Path) -> pathlib.Path:
    script = world.folder / "reload"
    script.write_text(f"#!/bin/sh\nif [ -e {broken} ]; then echo the reload is broken >&2; exit 1; fi\n"
                      f"exec {' '.join(world.mail[host].reload_command())}\n")
    script.chmod(0o755)
    return script


def _small_disk(combined: pathlib.Path) -> pathlib.Path:
    """A tmpfs of its own under the deploy file; gives the file that may fill it."""
    text = combined.read_text()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k,mode=755", "lab", str(combined.parent)], check=True)
    keys.swap(combined, text)
    return combined.parent / "ballast"


def _fill(ballast: pathlib.Path) -> None:
    with ballast.open("wb", buffering=0) as out:
        try:
            for _ in range(1000):  # 64 KiB are full long before
                out.write(bytes(512))
        except OSError:
            return
    raise AssertionError("the small disk does not become full")
