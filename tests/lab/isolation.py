"""A mount, network and process name space of our own: the standard ports and a private view of /etc, gone with its last process.

isolated(main) runs `main(folder)` inside; the outer process keeps nothing but the temp folder, which it removes at the end
however the inner one ended. Needs root: Postfix changes its user, and a user name space cannot.
"""
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
from typing import Callable, NoReturn

_FOLDER_VARIABLE = "MXSEAL_LAB_FOLDER"
_UNSHARE = ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--net", "--pid", "--fork", "--kill-child"]


class LabImpossible(Exception):
    """This machine cannot hold the lab; the message says what is missing."""


def require_abilities() -> None:
    if os.geteuid() != 0:
        raise LabImpossible("the lab needs root: Postfix and Knot take ports 25 and 53 and change their user. Run it as root.")
    for program in ("setpriv", "unshare", "ip", "mount"):
        if not shutil.which(program):
            raise LabImpossible(f"{program} is missing; run scripts/bootstrap --lab")
    probe = subprocess.run([*_UNSHARE, "true"], capture_output=True, text=True, timeout=20, check=False)
    if probe.returncode != 0:
        raise LabImpossible("no mount, network or pid name spaces here (`unshare --mount --net --pid` says: "
                            f"{probe.stderr.strip()}); in a container, give it CAP_SYS_ADMIN and CAP_NET_ADMIN.")


def isolated(main: Callable[[pathlib.Path], int], keep: bool = False) -> NoReturn:
    """Runs this same script once more inside new name spaces, where this call runs main(folder). Never returns."""
    folder = os.environ.get(_FOLDER_VARIABLE)
    if folder:
        sys.exit(_inside(main, pathlib.Path(folder)))
    sys.exit(_outside(keep))


def _outside(keep: bool) -> int:
    try:
        require_abilities()
    except LabImpossible as why:
        print(f"lab: {why}", file=sys.stderr)
        return 2
    folder = pathlib.Path(tempfile.mkdtemp(prefix="mxseal-lab-"))
    folder.chmod(0o755)  # postfix, which is not root, walks through it
    # sys.flags do not travel by themselves, and stdin is not for the world.
    child = subprocess.Popen([*_UNSHARE, sys.executable, *sys.argv], stdin=subprocess.DEVNULL,
                             env={**os.environ, _FOLDER_VARIABLE: str(folder)})
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: child.kill())  # --kill-child takes the whole world along
    status = child.wait()
    if keep:
        print(f"kept: {folder}", file=sys.stderr)
    else:
        shutil.rmtree(folder, ignore_errors=True)
    return status if status >= 0 else 128 - status


def _inside(main: Callable[[pathlib.Path], int], folder: pathlib.Path) -> int:
    del os.environ[_FOLDER_VARIABLE]  # a child that is a lab script too makes a world of its own
    # The process list of this name space; where /proc may not be mounted again the old one serves, nothing here reads it.
    subprocess.run(["mount", "-t", "proc", "proc", "/proc"], capture_output=True, check=False)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    return main(folder)


def add_addresses(addresses: list[str]) -> None:
    """Postfix refuses an address that no interface has, although all of 127.0.0.0/8 is local."""
    for address in addresses:
        length = 128 if ":" in address else 32
        if address != "::1":  # comes with lo itself
            subprocess.run(["ip", "addr", "add", f"{address}/{length}", "dev", "lo"], check=True)
        elif "::1" not in subprocess.run(["ip", "-6", "addr", "show", "dev", "lo"], capture_output=True, text=True, check=True).stdout:
            raise LabImpossible("lo has no ::1: the lab needs IPv6 on the loopback interface (net.ipv6.conf.all.disable_ipv6=0)")


def bind_over(source: pathlib.Path, target: str) -> None:
    """Shows `source` at `target` in this mount name space only."""
    subprocess.run(["mount", "--bind", str(source), os.path.realpath(target)], check=True)
