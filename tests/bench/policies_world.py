"""The world of policies.py: a signed root and `test.`, thousands of customer zones on two name server addresses, a resolver. Loopback only.

Customer N has the zone cN.test (unsigned, as most are) with NS, MX, `mta-sts` and, where many share a record, the alias `_mta-sts`.
"""
import pathlib
import sys
from dataclasses import dataclass

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lab"))
import dns
import isolation
from knot import Knot, Tsig, new_tsig
from process import Server, run, wait_until

PARENT, PRIMARY, SECOND = "127.0.0.2", "127.0.0.3", "127.0.0.4"
RESOLVER, MX, ENDPOINT = "127.0.0.11", "127.0.0.25", "127.0.0.50"
SHARED = "_mta-sts.hoster.test"
_TTL = 3600
_SOA = "@ SOA ns1.hoster.test. hostmaster.hoster.test. 1 3600 600 604800 300"
_SIGNED = "dnssec-signing: on\n    dnssec-policy: bench\n    zonefile-sync: -1"


def customer(number: int) -> str:
    return f"c{number:05}.test"


@dataclass
class Counted:
    """Questions since the start of the servers; each has one answer. `udp`: datagrams of the whole name space, both ways."""
    resolver: int      # from the agent to the resolver
    authorities: int   # to the name servers, from the agent and from the resolver
    of_resolver: int   # how many of these are the resolver's
    updates: int
    udp: int

    def __sub__(self, before: "Counted") -> "Counted":
        return Counted(self.resolver - before.resolver, self.authorities - before.authorities, self.of_resolver - before.of_resolver,
                       self.updates - before.updates, self.udp - before.udp)

    @property
    def direct(self) -> int:
        """Questions of the agent to authoritative servers, without updates."""
        return self.authorities - self.of_resolver


class Servers:
    """Knot twice (above and below the delegations) and one Unbound; stop() ends each by its own pid."""

    def __init__(self, folder: pathlib.Path, domains: int, shared: bool):
        isolation.add_addresses([PARENT, PRIMARY, SECOND, RESOLVER, MX, ENDPOINT])
        self.folder = folder
        self.key: Tsig = new_tsig("mxseal")
        self.trust_anchor = folder / "root.key"
        self.customers, self.parent = Knot("customers", folder, PRIMARY), Knot("parent", folder, PARENT)
        self.resolver = self._unbound()
        self._write_customers(domains, shared)
        self._write_parent(domains)

    def start(self, last: str) -> None:
        self.customers.server.start()
        self.parent.server.start()
        self.parent.wait_ready("test")
        wait_until(f"{last} is served", lambda: self._mx_of(PRIMARY, last), 120, every=0.3)
        self.resolver.start()
        wait_until(f"the resolver finds {last}", lambda: self._mx_of(RESOLVER, last), 30, every=0.3)

    def stop(self) -> None:
        for server in (self.resolver, self.customers.server, self.parent.server):
            server.stop()

    def counted(self) -> Counted:
        knots = [_stats(knot.control("stats")) for knot in (self.customers, self.parent)]
        unbound = _stats(run(["unbound-control", "-c", str(self.folder / "unbound.conf"), "stats_noreset"]))
        return Counted(unbound["total.num.queries"], sum(one.get("mod-stats.server-operation[query]", 0) for one in knots),
                       unbound["num.query.udpout"] + unbound["num.query.tcpout"], sum(one.get("mod-stats.server-operation[update]", 0) for one in knots), _udp_sent())

    @staticmethod
    def _mx_of(server: str, name: str) -> bool:
        answer = dns.query(server, name, 15, 2)
        return bool(answer and answer.rcode == dns.NOERROR and answer.records)

    def _unbound(self) -> Server:
        config = self.folder / "unbound.conf"
        config.write_text(
            f'server:\n  interface: {RESOLVER}\n  access-control: 127.0.0.0/8 allow\n  username: ""\n  chroot: ""\n  directory: {self.folder}\n'
            f"  pidfile: {self.folder}/unbound.pid\n  use-syslog: no\n  num-threads: 1\n  so-reuseport: no\n  do-ip6: no\n  do-not-query-localhost: no\n"
            f'  module-config: "validator iterator"\n  trust-anchor-file: {self.trust_anchor}\n  root-hints: {self.folder}/root.hints\n'
            '  local-zone: "test." nodefault\n  extended-statistics: yes\n  outgoing-range: 4096\n  num-queries-per-thread: 2048\n'
            f"remote-control:\n  control-enable: yes\n  control-interface: {self.folder}/unbound.control\n  control-use-cert: no\n")
        (self.folder / "root.hints").write_text(f". 3600000 NS a.rootbench.\na.rootbench. 3600000 A {PARENT}\n")
        return Server("unbound", ["unbound", "-d", "-p", "-c", str(config)], self.folder / "unbound.log")

    def _write_customers(self, domains: int, shared: bool) -> None:
        knot = self.customers
        own = f"mta-sts {_TTL} CNAME endpoint.hoster.test.\n" + (f"_mta-sts {_TTL} CNAME {SHARED}.\n" if shared else "")
        text = f"$TTL {_TTL}\n{_SOA}\n@ NS ns1.hoster.test.\n@ NS ns2.hoster.test.\n@ MX 10 mx1.hoster.test.\n{own}"
        names = [customer(number) for number in range(domains)]
        for name in names:
            (knot.folder / f"{name}.zone").write_text(text)
        (knot.folder / "hoster.test.zone").write_text(
            f"$TTL {_TTL}\n{_SOA}\n@ NS ns1\n@ NS ns2\nns1 A {PRIMARY}\nns2 A {SECOND}\nmx1 A {MX}\nendpoint A {ENDPOINT}\n")
        knot.config.write_text(_server(knot, f"[{PRIMARY}@53, {SECOND}@53]") +
            f"key:\n  - id: mxseal\n    algorithm: hmac-sha256\n    secret: {self.key.secret}\n"
            "acl:\n  - id: mxseal\n    key: mxseal\n    action: [update, transfer]\n    update-type: [TXT]\n"
            # What is written lives as long as the bench: no journal, no zone file.
            f"template:\n  - id: default\n    storage: {knot.folder}\n    file: \"%s.zone\"\n    zonefile-sync: -1\n    zonefile-load: whole\n    journal-content: none\n"
            "    semantic-checks: off\n    acl: mxseal\n    global-module: mod-stats\n"
            "zone:\n" + "".join(f"  - domain: {name}\n" for name in ["hoster.test", *names]))

    def _write_parent(self, domains: int) -> None:
        knot = self.parent
        knot.config.write_text(_server(knot, f"{PARENT}@53") +
            "policy:\n  - id: bench\n    algorithm: ecdsap256sha256\n    single-type-signing: on\n    cds-cdnskey-publish: none\n"
            "template:\n  - id: default\n    global-module: mod-stats\n"
            f"zone:\n  - domain: .\n    file: {knot.folder}/rootzone\n    {_SIGNED}\n  - domain: test.\n    file: {knot.folder}/test.zone\n    {_SIGNED}\n")
        for zone in (".", "test."):
            knot.make_key(zone)
        soa = "@ 3600 SOA a.rootbench. hostmaster.rootbench. 1 3600 600 604800 300"
        ds = [line.split() for line in run(["keymgr", "-c", str(knot.config), "test.", "ds"]).splitlines()]
        (knot.folder / "rootzone").write_text("\n".join([
            "$ORIGIN .", f"$TTL {_TTL}", soa, ". NS a.rootbench.", f"a.rootbench. A {PARENT}", "test. NS a.test.", f"a.test. A {PARENT}",
            *(f"test. DS {' '.join(line[2:])}" for line in ds if line[4] == "2"), ""]))
        delegations = "".join(f"{name}. NS ns1.hoster.test.\n{name}. NS ns2.hoster.test.\n" for name in ["hoster.test", *map(customer, range(domains))])
        (knot.folder / "test.zone").write_text(
            f"$ORIGIN test.\n$TTL {_TTL}\n{soa}\n@ NS a.test.\na A {PARENT}\nns1.hoster A {PRIMARY}\nns2.hoster A {SECOND}\n{delegations}")
        self.trust_anchor.write_text(knot.dnskey(".") + "\n")


def _server(knot: Knot, listen: str) -> str:
    return (f"server:\n  rundir: {knot.folder}\n  listen: {listen}\n  udp-workers: 1\n  tcp-workers: 2\n  background-workers: 1\n  tcp-max-clients: 2000\n"
            f"database:\n  storage: {knot.folder}/db\n  journal-db-max-size: 64M\n  kasp-db-max-size: 64M\n  timer-db-max-size: 64M\n"
            "log:\n  - target: stderr\n    any: warning\n")


def _stats(text: str) -> dict[str, int]:
    pairs = [line.replace(" = ", "=").rsplit("=", 1) for line in text.splitlines() if "=" in line]
    return {name.strip(): int(value) for name, value in pairs if value.strip().isdigit()}


def _udp_sent() -> int:
    head, values = [line.split() for line in pathlib.Path("/proc/net/snmp").read_text().splitlines() if line.startswith("Udp:")]
    return int(values[head.index("OutDatagrams")])
