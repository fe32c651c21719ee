"""The program under test, as its operator runs it: a configuration file, the agent, and commands beside it."""
import json
import os
import pathlib
import signal
import subprocess
from datetime import datetime
from typing import Any, Optional

import addresses
from process import Server, TooLate, run, wait_until
from world import World

# Waits of the lab. resolver_min_ttl is the min-ttl cache's; the others are as short as they can be and still be told apart.
TIMING = {"safety_margin": "2s", "resolver_min_ttl": "8s", "stale_margin": "4s", "emergency_stale_margin": "4s", "anycast_margin": "1s",
          "unseen_ttl": "5s", "stagger": "3s", "rollback_hold": "3s", "unreachable_grace": "10s", "observe_every": "1s", "monitor_every": "5s"}
_LOG_MAX = 10_000  # the most that `mxseal log` gives at once
_PROJECT = pathlib.Path(__file__).resolve().parents[2]


def find_binary(given: Optional[str] = None) -> pathlib.Path:
    """`given`, else $MXSEAL_BINARY, else the release build, else the dev build."""
    named = given or os.environ.get("MXSEAL_BINARY")
    if named:
        return pathlib.Path(named).resolve()
    for preset in ("release", "dev"):
        for found in sorted((_PROJECT / "build" / preset).rglob("mxseal")):
            if found.is_file() and os.access(found, os.X_OK):
                return found
    raise FileNotFoundError("no mxseal binary; build it: cmake --preset release && cmake --build --preset release --target mxseal")


def instant(text: str) -> float:
    """RFC 3339 to seconds."""
    return datetime.fromisoformat(text).timestamp()


class Mxseal:
    def __init__(self, world: World, binary: pathlib.Path, timing: Optional[dict[str, str]] = None, rotate_every: str = "1h",
                 external: Optional[dict[str, str]] = None):
        """external: hosts whose certificate an ACME client brings, each with who makes its keys: `client` or `mxseal`."""
        self.world, self.binary, self.external = world, binary, external or {}
        self.folder = world.folder / "mxseal"
        self.folder.mkdir()
        self.config = self.folder / "mxseal.yaml"
        secret = self.folder / "tsig"
        secret.write_text(world.names.mxseal_key.secret + "\n")
        secret.chmod(0o600)
        self.config.write_text(self._configuration({**TIMING, **(timing or {})}, rotate_every))
        self.agent: Optional[Server] = None

    def _configuration(self, timing: dict[str, str], rotate_every: str) -> str:
        world, names = self.world, self.world.names
        hosts = "".join(
            f"  {host}:\n    ports: [25]\n{self._keys(host, algorithm, rotate_every)}"
            f"    tlsa_ttl: {addresses.TLSA_TTL}s\n"
            f"    deploy: [{{combined: {world.mail[host].combined}, reload: [{', '.join(world.mail[host].reload_command())}]}}]\n"
            for host, algorithm in ((addresses.MX1, "ecdsa-p256"), (addresses.MX2, "rsa-2048")))
        return (f"state: {self.folder}/state\n"
                f"resolver: {{root_hints: {names.root_hints}, trust_anchors: [{names.trust_anchor}]}}\n"
                f"timing: {{{', '.join(f'{key}: {value}' for key, value in timing.items())}}}\n"
                f'acme:\n  pebble: {{directory: "{world.ca.directory}", contact: ["mailto:hostmaster@example.test"], challenge: dns-01,\n'
                f"           accept_terms: true, ca_file: {world.ca.ca_file}}}\n"
                f"providers:\n  knot: {{type: rfc2136, server: {addresses.PRIMARY}, tsig: {{name: mxseal, algorithm: hmac-sha256,\n"
                f"         secret_file: {self.folder}/tsig}}}}\n"
                f"zones:\n  example.test: {{provider: knot}}\n"
                f"domains:\n  {addresses.DOMAIN}: {{}}\n"
                f"hosts:\n{hosts}")

    def _keys(self, host: str, algorithm: str, rotate_every: str) -> str:
        if host in self.external:  # the lab's clients make P-256 keys
            return f"    keys: [ecdsa-p256]\n    certificate: external\n    external: {{keys: {self.external[host]}}}\n"
        return f"    keys: [{algorithm}]\n    certificate: pebble\n    rotate_every: {rotate_every}\n"

    def change_config(self, old: str, new: str) -> None:
        """Replaces text of the configuration; an agent that runs learns of it by reload_config()."""
        text = self.config.read_text()
        if old not in text:
            raise ValueError(f"the configuration has no {old!r}")
        self.config.write_text(text.replace(old, new))

    def command(self, *words: str) -> list[str]:
        return [str(self.binary), "--config", str(self.config), *words]

    def run(self, *words: str, seconds: float = 30) -> str:
        return run(self.command(*words), seconds=seconds)

    def run_any(self, *words: str, seconds: float = 30) -> str:
        """As run(), where exit status 1 (a host is halted, or something is tried again) is an answer too."""
        done = subprocess.run(self.command(*words), capture_output=True, text=True, timeout=seconds, check=False)
        if done.returncode not in (0, 1):
            raise RuntimeError(f"mxseal {' '.join(words)} ended with {done.returncode}: {done.stderr.strip()}")
        return done.stdout

    def start_agent(self) -> None:
        self.agent = Server("mxseal agent", self.command("agent"), self.folder / "agent.log").start()
        # Stopped with the world, by its own pid.
        self.world.stop_later(self.agent)

    def wait_running(self, seconds: float = 60) -> None:
        """Until the agent holds the lease and answers."""
        def answers() -> bool:
            self._require_running()
            return self.status()["agent"]["running"]
        wait_until("the agent answers", answers, seconds, every=0.3)

    def reload_config(self) -> None:
        self.agent.process.send_signal(signal.SIGHUP)

    def kill_agent(self) -> None:
        """kill -9: nothing is tidied up."""
        self.agent.kill()
        self.world.forget(self.agent)
        self.agent = None

    def stop_agent(self) -> None:
        self.agent.stop()
        self.world.forget(self.agent)
        self.agent = None

    def _require_running(self) -> None:
        if self.agent:  # without one, `apply` does the work
            self.agent.require_running()

    def status(self) -> dict[str, Any]:
        text = self.run_any("status", "--json", seconds=20)
        if not text.strip():
            raise RuntimeError("mxseal status --json says nothing")
        return json.loads(text)

    def host(self, name: str) -> dict[str, Any]:
        return next(host for host in self.status()["hosts"] if host["host"].rstrip(".") == name)

    def wait_state(self, names: list[str], state: str, seconds: float) -> None:
        def reached() -> bool:
            self._require_running()
            hosts = {host["host"].rstrip("."): host for host in self.status()["hosts"]}
            return all(name in hosts and hosts[name]["state"] == state for name in names)
        wait_until(f"{' and '.join(names)} {state}", reached, seconds, every=0.3)

    def wait_says(self, name: str, state: str, words: list[str], seconds: float) -> str:
        """Until the host is in this state for a reason that holds all of `words`; gives the reason."""
        last = ""

        def said() -> Optional[str]:
            nonlocal last
            self._require_running()
            host = self.host(name)
            last = f"{host['state']}: {host['reason']}"
            return host["reason"] if host["state"] == state and all(word in host["reason"] for word in words) else None
        try:
            return wait_until(f"{name} {state}, because of {', '.join(words)}", said, seconds, every=0.3)
        except TooLate as late:
            raise TooLate(f"{late}; it says {last}") from late

    def current_key(self, name: str) -> str:
        """SPKI SHA-256 of the key in service."""
        return next(key["spki_sha256"] for key in self.host(name)["keys"] if key["role"] == "current")

    def roll_and_wait(self, name: str, seconds: float = 120) -> None:
        """One planned roll, from the request to the next steady."""
        done = len(self.events("roll.finished", name))
        self.run("roll", name)
        self.wait_events("roll.finished", name, done + 1, seconds)
        self.wait_state([name], "steady", seconds)

    def log(self) -> list[dict[str, Any]]:
        lines = [line for line in self.run("log", "--json", "--limit", str(_LOG_MAX)).splitlines() if line.strip()]
        if len(lines) == _LOG_MAX:
            raise RuntimeError(f"the log has {_LOG_MAX} lines or more: older ones would be missed")
        return [json.loads(line) for line in lines]

    def events(self, event: str, host: Optional[str] = None) -> list[dict[str, Any]]:
        return [entry for entry in self.log() if entry["event"] == event and host in (None, (entry.get("host") or "").rstrip("."))]

    def wait_events(self, event: str, host: str, count: int, seconds: float) -> list[dict[str, Any]]:
        """Until the log holds `count` of this event for the host; gives them."""
        def enough() -> Optional[list[dict[str, Any]]]:
            self._require_running()
            found = self.events(event, host)
            return found if len(found) >= count else None
        return wait_until(f"{count} x {event} of {host}", enough, seconds, every=0.3)
