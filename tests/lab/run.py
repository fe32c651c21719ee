"""Runs lab scenarios, each in a world of its own.

    python3 tests/lab/run.py [--keep] [--list] [--jobs N] [NAME..]    all, or those whose `file.function` begins with or equals NAME

A scenario is a function of one argument, the world, in scenarios/*.py; the first sentence of its docstring is what it proves.
"""
import argparse
import concurrent.futures
import pathlib
import sys
from typing import Callable

from checks import closing_line, run_check, scenarios, sentence
from isolation import LabImpossible, isolated, require_abilities
from process import run_apart
from world import World

_SECONDS_MAX = 600  # our choice: no scenario needs half of it
_JOBS = 2  # our choice: a world keeps about half a core busy
_INSIDE = "--inside"


def _inside(name: str, keep: bool) -> None:
    def main(folder: pathlib.Path) -> int:
        return 0 if run_check(_in_a_world(scenarios()[name], folder)) else 1
    isolated(main, keep)


def _in_a_world(scenario: Callable, folder: pathlib.Path) -> Callable[[], None]:
    def run() -> None:
        with World(folder) as world:
            scenario(world)
            world.require_healthy()
    run.__doc__ = scenario.__doc__
    return run


def _run_one(name: str, keep: bool) -> bool:
    command = [sys.executable, __file__, _INSIDE, name, *(["--keep"] if keep else [])]
    words, status = run_apart(name, command, _SECONDS_MAX)
    # In one piece: worlds side by side do not talk into each other's words.
    print(words, end="", flush=True)
    return status == 0


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("names", nargs="*")
    options.add_argument("--keep", action="store_true", help="keep the worlds' folders")
    options.add_argument("--list", action="store_true")
    options.add_argument("--jobs", type=int, default=_JOBS, help=f"worlds at the same time (default: {_JOBS})")
    chosen = options.parse_args()
    known = scenarios()
    names = [name for name in known if not chosen.names or any(name.startswith(wanted) for wanted in chosen.names)]
    if chosen.list:
        print("\n".join(f"{name:60} {sentence(known[name])}" for name in names))
        return 0
    if not names:
        print(f"lab: no scenario named {' '.join(chosen.names)}; there are: {' '.join(known)}", file=sys.stderr)
        return closing_line(0, 1)
    try:
        require_abilities()
    except LabImpossible as why:
        print(f"lab: {why}", file=sys.stderr)
        return closing_line(0, len(names))
    with concurrent.futures.ThreadPoolExecutor(max(1, chosen.jobs)) as pool:
        results = list(pool.map(lambda name: _run_one(name, chosen.keep), names))
    return closing_line(sum(results), len(results) - sum(results))


if __name__ == "__main__":
    if len(sys.argv) > 2 and sys.argv[1] == _INSIDE:
        _inside(sys.argv[2], "--keep" in sys.argv)
    sys.exit(main())
