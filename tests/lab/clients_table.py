"""The table of one hook line: every ACME client through the same sequence, by its own means and with mxseal behind its hook.

    python3 tests/lab/clients_table.py [--clients NAME..] [--means own|client|mxseal|request ..] [--jobs N] [--short] [--binary FILE] [--keep]      needs root

A row is a world of its own. Exit 1 when a probe failed under mxseal, or when none failed by own means with certbot, lego or dehydrated: then
the senders would not have been looking.
"""
import argparse
import concurrent.futures
import dataclasses
import json
import os
import pathlib
import sys
import time
import traceback
from typing import Optional

import client_story
from acme_clients import CLIENTS
from client_story import Count
from isolation import LabImpossible, isolated, require_abilities
from mxseal import find_binary
from process import run_apart
from world import World

MEANS = {"own": client_story.by_own_means, "client": client_story.with_mxseal, "mxseal": client_story.with_mxseals_keys,
         "request": client_story.with_mxseals_requests}
_TITLE = {"own": "own means", "client": "mxseal, one hook line", "mxseal": "mxseal makes the keys", "request": "mxseal's key and request"}
_UNASKED = ["own", "client", "mxseal"]
_FAIL_ALONE = {"certbot", "lego", "dehydrated"}
_SECONDS_MAX = 900  # our choice: the longest takes less than half of it
_INSIDE, _MARK = "--inside", "count: "


def _inside(name: str, means: str, sequence: str, keep: bool) -> None:
    def main(folder: pathlib.Path) -> int:
        try:
            with World(folder) as world:
                count = MEANS[means](world, name, sequence)
                world.require_healthy()
        except Exception:  # whatever it was, the other rows go on
            traceback.print_exc()
            return 1
        print(_MARK + json.dumps(dataclasses.asdict(count)), flush=True)
        return 0
    isolated(main, keep)


def _row(name: str, means: str, sequence: str, keep: bool) -> Optional[Count]:
    begin = time.monotonic()
    command = [sys.executable, __file__, _INSIDE, name, means, sequence, *(["--keep"] if keep else [])]
    words, _ = run_apart(f"{name}, {_TITLE[means]}", command, _SECONDS_MAX)
    counts = [Count(**json.loads(line.removeprefix(_MARK))) for line in words.splitlines() if line.startswith(_MARK)]
    print(f"{name}, {_TITLE[means]}: {'done' if counts else 'BROKEN'} after {time.monotonic() - begin:.0f} s", flush=True)
    if not counts:
        print(words, flush=True)
    return counts[0] if counts else None


def _print(counts: list[Count]) -> None:
    rows = [("client", "means", "kept key", "new key", "failed order", "client killed", "mxseal killed", "probes", "failed probes", "new keys with a gap")]
    for count in counts:
        rows.append((count.client, _TITLE[count.means], *(str(n) for n in (count.kept, count.new, count.failed_orders, count.client_kills)),
                     str(count.agent_kills) if count.means != "own" else "-", str(count.probes), str(count.failed_probes),
                     f"{count.new_with_gap} of {count.new}"))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    print()
    for row in rows:
        print("  ".join(cell.ljust(width) if at < 2 else cell.rjust(width) for at, (cell, width) in enumerate(zip(row, widths))).rstrip())


def _problems(wanted: list[tuple[str, str]], counts: list[Count]) -> list[str]:
    found = [f"{name}, {_TITLE[means]}: no row" for name, means in wanted if not any(c.client == name and c.means == means for c in counts)]
    found += [f"{c.client}, {_TITLE[c.means]}: {c.failed_probes} probes failed" for c in counts if c.means != "own" and c.failed_probes]
    found += [f"{c.client}, {_TITLE[c.means]}: no probe counted" for c in counts if not c.probes]
    found += [f"{c.client} by own means: no probe failed, so the senders saw nothing" for c in counts
              if c.means == "own" and c.client in _FAIL_ALONE and not c.failed_probes]
    return found


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--clients", nargs="+", choices=list(CLIENTS), default=list(CLIENTS))
    options.add_argument("--means", nargs="+", choices=list(MEANS), default=_UNASKED)
    options.add_argument("--jobs", type=int, default=2, help="worlds at the same time (default: 2)")
    options.add_argument("--short", action="store_true", help="a shorter sequence")
    options.add_argument("--binary", help="the mxseal to show (default: $MXSEAL_BINARY, build/release, build/dev)")
    options.add_argument("--keep", action="store_true", help="keep the worlds' folders")
    chosen = options.parse_args()
    try:
        require_abilities()
        os.environ["MXSEAL_BINARY"] = str(find_binary(chosen.binary))
    except (LabImpossible, FileNotFoundError) as why:
        print(f"clients: {why}", file=sys.stderr)
        return 2
    wanted = [(name, means) for name in chosen.clients for means in chosen.means]
    sequence = client_story.SHORT if chosen.short else client_story.FULL
    print(f"sequence: {sequence}", flush=True)
    with concurrent.futures.ThreadPoolExecutor(max(1, chosen.jobs)) as pool:
        counts = [count for count in pool.map(lambda row: _row(*row, sequence, chosen.keep), wanted) if count]
    _print(counts)
    problems = _problems(wanted, counts)
    for problem in problems:
        print(f"problem   {problem}")
    print("result    FAILED" if problems else "result    no failed probe under mxseal")
    return 1 if problems else 0


if __name__ == "__main__":
    if len(sys.argv) > 4 and sys.argv[1] == _INSIDE:
        _inside(sys.argv[2], sys.argv[3], sys.argv[4], "--keep" in sys.argv)
    sys.exit(main())
