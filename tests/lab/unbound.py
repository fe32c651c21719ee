"""Validating Unbounds, from the lab's own root key: the caches that senders live behind."""
import pathlib

import addresses
import dns
from process import Server, run, wait_until

# What makes each one nasty, beyond plain.
_MORE = {
    "plain": "",
    # Asks the lagging secondary only, so that what it holds is always the oldest that anyone can hold.
    "older": "".join(f'stub-zone:\n  name: "{zone}."\n  stub-addr: {addresses.SECONDARY}\n' for zone in (addresses.DOMAIN, addresses.CUSTOMERS)),
    "min-ttl": "server:\n  cache-min-ttl: 8\n",
    # Debian's 1.17 answers with expired data at once by default; 1.8 s is the value of RFC 8767 section 5.
    "stale": "server:\n  serve-expired: yes\n  serve-expired-client-timeout: 1800\n",
    "ca": "server:\n  cache-max-ttl: 0\n  cache-max-negative-ttl: 0\n",
}


class Unbound:
    def __init__(self, name: str, folder: pathlib.Path, address: str, trust_anchor: pathlib.Path, root_hints: pathlib.Path):
        self.name, self.address = name, address
        folder = folder / f"unbound-{name}"
        folder.mkdir()
        self.config = folder / "unbound.conf"
        self.config.write_text(
            "server:\n"
            f"  interface: {address}\n  access-control: 127.0.0.0/8 allow\n"
            f'  username: ""\n  chroot: ""\n  directory: {folder}\n  pidfile: {folder}/pid\n'
            "  use-syslog: no\n  verbosity: 1\n  num-threads: 1\n  so-reuseport: no\n"
            "  do-ip6: no\n  do-not-query-localhost: no\n"
            f'  module-config: "validator iterator"\n  trust-anchor-file: {trust_anchor}\n  root-hints: {root_hints}\n'
            # RFC 6761: answered by itself otherwise.
            '  local-zone: "test." nodefault\n'
            # A name server that was away and is back is asked again within seconds.
            "  infra-host-ttl: 5\n  infra-keep-probing: yes\n"
            f"remote-control:\n  control-enable: yes\n  control-interface: {folder}/control\n  control-use-cert: no\n"
            + _MORE[name])
        self.server = Server(f"unbound {name}", ["unbound", "-d", "-p", "-c", str(self.config)], folder / "log").start()

    def ask_tlsa(self, host: str) -> dns.Answer | None:
        return dns.query(self.address, addresses.tlsa_owner(host), dns.TLSA, 3)

    def control(self, *words: str) -> str:
        return run(["unbound-control", "-c", str(self.config), *words])

    def wait_ready(self) -> None:
        def validates():
            self.server.require_running()
            answer = dns.query(self.address, addresses.MX1, dns.A, 2)
            return answer and answer.authentic and answer.records
        wait_until(f"{self.server.name} validates {addresses.MX1}", validates, 20)
