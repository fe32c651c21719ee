"""Servers as children with a log file each, and waits that have an end."""
import os
import pathlib
import signal
import subprocess
import time
from typing import Callable, Optional, TypeVar

T = TypeVar("T")


class TooLate(Exception):
    """Something that was waited for did not come in its time."""


def wait_until(what: str, poll: Callable[[], Optional[T]], seconds: float, every: float = 0.05) -> T:
    """Polls until `poll` gives something true; raises TooLate with `what` when the time is over."""
    end = time.monotonic() + seconds
    while True:
        found = poll()
        if found:
            return found
        if time.monotonic() >= end:
            raise TooLate(f"{what}: not within {seconds:g} s")
        time.sleep(every)


def run(command: list[str], stdin: str = "", seconds: float = 20, env: Optional[dict[str, str]] = None) -> str:
    """Runs to the end and gives stdout; a failure raises with both outputs."""
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=seconds, check=False,
                          env={**os.environ, **(env or {})})
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}: {(done.stdout + done.stderr).strip()}")
    return done.stdout


def run_apart(what: str, command: list[str], seconds: float) -> tuple[str, int]:
    """Runs to the end, told to end (SIGTERM) when its time is over; both outputs as one text, whose last line then says so, and the exit status."""
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        words, _ = child.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        child.terminate()
        words = child.communicate()[0] + f"FAILED {what} had no end within {seconds:g} s\n"
    return words, child.returncode


class Server:
    """One foreground process that belongs to us, stopped by its own pid."""

    def __init__(self, name: str, command: list[str], log: pathlib.Path, env: Optional[dict[str, str]] = None):
        self.name, self.command, self.log, self.env = name, command, log, env
        self.process: Optional[subprocess.Popen] = None

    def start(self) -> "Server":
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                            env={**os.environ, **(self.env or {})}, start_new_session=True)
        return self

    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def require_running(self) -> None:
        if not self.running():
            tail = self.log.read_text(errors="replace")[-2000:] if self.log.exists() else ""
            raise RuntimeError(f"{self.name} has ended ({self.process and self.process.returncode}); its last words:\n{tail}")

    def pause(self) -> None:
        """Answers nothing from here on, as a server behind a cut wire: not even a refusal."""
        self.require_running()
        os.killpg(self.process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        os.killpg(self.process.pid, signal.SIGCONT)

    def kill(self) -> None:
        """kill -9, as a power cut would."""
        self.process.kill()
        self.process.wait(timeout=10)

    def stop(self) -> None:
        if not self.running():
            return
        self.resume()
        self.process.terminate()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.kill()
