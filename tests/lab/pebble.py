"""Pebble, the ACME CA: rejects nonces at random as it does by default, and really validates by its own resolver."""
import json
import pathlib
import ssl
import urllib.request

import addresses
import keys
from process import Server, wait_until

_PORT, _MANAGEMENT_PORT = 14000, 15000


class Pebble:
    def __init__(self, folder: pathlib.Path):
        folder = folder / "pebble"
        self.ca_file, leaf, key = keys.authority(folder, [addresses.ACME])
        self.directory = f"https://{addresses.ACME}:{_PORT}/dir"
        config = folder / "config.json"
        config.write_text(json.dumps({"pebble": {
            "listenAddress": f"{addresses.ACME}:{_PORT}", "managementListenAddress": f"{addresses.ACME}:{_MANAGEMENT_PORT}",
            "certificate": str(leaf), "privateKey": str(key), "httpPort": 80, "tlsPort": 443}}))
        command = ["pebble", "-config", str(config), "-strict", "-dnsserver", f"{addresses.CA_RESOLVER}:53"]
        self.server = Server("pebble", command, folder / "log", env={"PEBBLE_VA_NOSLEEP": "1"}).start()

    def start_anew(self, env: dict[str, str]) -> None:
        """Another Pebble in its place, with other PEBBLE_ variables, without accounts, and with another root."""
        self.server.stop()
        self.server.env = {**(self.server.env or {}), **env}
        self.server.start()
        self.wait_ready()

    def get(self, url: str) -> bytes:
        context = ssl.create_default_context(cafile=str(self.ca_file))
        with urllib.request.urlopen(url, context=context, timeout=3) as answer:
            return answer.read()

    def root(self) -> str:
        """The root of this start: Pebble makes a new one each time."""
        return self.get(f"https://{addresses.ACME}:{_MANAGEMENT_PORT}/roots/0").decode()

    def wait_ready(self) -> None:
        def answers():
            self.server.require_running()
            try:
                return self.get(self.directory)
            except OSError:
                return None
        wait_until("pebble shows its directory", answers, 20)
