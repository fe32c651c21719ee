"""Two Postfix instances, each with its own folders, serving key and chain from the one file that mxseal deploys to."""
import pathlib
import shutil
import socket

import addresses
import keys
from process import Server, run, wait_until

_SERVICES = """\
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
error unix - - n - - error
discard unix - - n - - discard
proxymap unix - - n - - proxymap
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
"""


class Postfix:
    """One MTA for one host. `combined` is key + chain in one file, so one rename swaps both."""

    def __init__(self, host: str, folder: pathlib.Path, algorithm: str):
        self.host, self.addresses = host, addresses.ENDPOINTS[host]
        folder = folder / host.split(".")[0]
        self.config, self.log = folder / "etc", folder / "mail.log"
        self.combined = folder / "tls" / "combined.pem"
        self.config.mkdir(parents=True)
        (folder / "queue").mkdir()
        (folder / "data").mkdir()
        shutil.chown(folder / "data", "postfix")
        keys.self_made(host, self.combined, algorithm)
        self._write_config(folder)
        run(["postfix", "-c", str(self.config), "check"])  # makes what a queue folder needs
        # The master itself, as our child: `postfix start-fg` would keep a shell in between that dies alone.
        master = run(["postconf", "-c", str(self.config), "-h", "daemon_directory"]).strip() + "/master"
        self.server = Server(f"postfix {host}", [master, "-d", "-c", str(self.config)], folder / "start.log").start()

    def _write_config(self, folder: pathlib.Path) -> None:
        (self.config / "main.cf").write_text(
            "compatibility_level = 3.6\n"
            f"queue_directory = {folder}/queue\ndata_directory = {folder}/data\n"
            f"maillog_file = {self.log}\nmaillog_file_prefixes = {folder}\n"
            f"myhostname = {self.host}\nmydestination =\nrelay_domains = {addresses.DOMAIN}\nrelay_transport = discard:\n"
            "inet_interfaces = loopback-only\nalias_maps =\nlocal_recipient_maps =\nsmtpd_peername_lookup = no\n"
            "smtpd_relay_restrictions = reject_unauth_destination\n"
            # The senders ask more often than any real one.
            "smtpd_client_connection_count_limit = 0\nsmtpd_client_connection_rate_limit = 0\n"
            f"smtpd_tls_security_level = may\nsmtpd_tls_chain_files = {self.combined}\nsmtpd_tls_loglevel = 1\n")
        listen = "".join(f"{f'[{a}]' if ':' in a else a}:25 inet n - n - - smtpd\n" for a in self.addresses)
        (self.config / "master.cf").write_text(listen + _SERVICES)

    def reload_command(self) -> list[str]:
        return ["postfix", "-c", str(self.config), "reload"]

    def reload(self) -> None:
        run(self.reload_command())

    def read_from(self, combined: pathlib.Path) -> None:
        """Points the MTA to another file with key and chain, as an admin does."""
        run(["postconf", "-c", str(self.config), "-e", f"smtpd_tls_chain_files = {combined}"])
        self.reload()

    def serve(self, text: str) -> None:
        """Swaps key and chain under the MTA, mxseal unasked."""
        keys.swap(self.combined, text)
        self.reload()

    def wait_ready(self) -> None:
        for address in self.addresses:
            wait_until(f"postfix greets on {address}", lambda: self._greets(address), 20)

    def _greets(self, address: str) -> bool:
        self.server.require_running()
        try:
            with socket.create_connection((address, 25), timeout=5) as wire:
                return wire.recv(100).startswith(b"220")
        except OSError:
            return False
