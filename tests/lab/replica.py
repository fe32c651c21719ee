"""A second endpoint replica: `mxseal serve` on an address of its own, from a copy of the agent's snapshot, and of what it answers to CAs, that comes when it comes."""
import os
import pathlib
import threading

import addresses
from process import Server, wait_until

_EVERY = 0.3  # seconds between looks at the agent's file


class Replica:
    """Copies the snapshot, as a deploy target does, until hold(); then serves what it has."""

    def __init__(self, folder: pathlib.Path, binary: pathlib.Path, snapshot: pathlib.Path):
        self._source, self.folder = snapshot, folder / "replica"
        self.folder.mkdir()
        self.copy = self.folder / "endpoint.snapshot"
        self._copied: dict[pathlib.Path, tuple[int, int]] = {}
        self._held, self._end = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        command = [str(binary), "serve", "--snapshot", str(self.copy), "--listen", f"{addresses.REPLICA}:443"]
        self.server = Server("mxseal serve", command, self.folder / "log")

    def start(self, seconds: float) -> "Replica":
        wait_until("the first snapshot is there", self._source.exists, seconds)
        self._bring()
        self.server.start()
        self._thread.start()
        return self

    def hold(self) -> None:
        """Nothing is copied from here on: the replica grows stale."""
        self._held.set()

    def release(self) -> None:
        self._held.clear()

    def stop(self) -> None:
        self._end.set()
        self._thread.join(timeout=10)

    def _run(self) -> None:
        while not self._end.wait(_EVERY):
            if not self._held.is_set():
                self._bring()

    def _bring(self) -> None:
        for source in (self._source, _challenges_of(self._source)):
            if source.exists():
                self._bring_one(source)

    def _bring_one(self, source: pathlib.Path) -> None:
        seen = os.stat(source)
        stamp = (seen.st_ino, seen.st_mtime_ns)
        if stamp == self._copied.get(source):
            return
        copy = self.copy if source == self._source else _challenges_of(self.copy)
        part = copy.with_name(f"{copy.name}.part")
        part.write_bytes(source.read_bytes())
        part.chmod(0o600)
        part.rename(copy)
        self._copied[source] = stamp


def _challenges_of(snapshot: pathlib.Path) -> pathlib.Path:
    return snapshot.with_name(f"{snapshot.name}.challenges")
