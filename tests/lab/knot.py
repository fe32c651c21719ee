"""Knot: a signed parent (`.` and `test.`), a signing primary for example.test that takes updates, and a secondary that lags; both have
customers.test too, which is not signed and where mxseal's key may change nothing."""
import base64
import os
import pathlib
import shutil
from dataclasses import dataclass

import addresses
import dns
from process import Server, run, wait_until

_ROOT_SERVER = "a.rootlab."
_SOA = "@ {ttl} SOA {ns} hostmaster.example.test. 1 {refresh} 1 3600 {minimum}"
_TRANSFER_KEY = "transfer"
_ZONES = (addresses.DOMAIN, addresses.CUSTOMERS)


@dataclass
class Tsig:
    name: str
    secret: str  # base64

    def item(self) -> dict[str, str]:
        return {"id": self.name, "algorithm": "hmac-sha256", "secret": self.secret}


def _map(name: str, item: dict[str, object]) -> str:
    return "\n".join([f"{name}:", *(f"  {key}: {value}" for key, value in item.items()), ""])


def _section(name: str, *items: dict[str, object]) -> str:
    """Knot's YAML knows no inline maps: one line a key, the first with the dash."""
    lines = [("    " if at else "  - ") + f"{key}: {value}" for item in items for at, (key, value) in enumerate(item.items())]
    return "\n".join([f"{name}:", *lines, ""])


def new_tsig(name: str) -> Tsig:
    return Tsig(name, base64.b64encode(os.urandom(32)).decode())


class Knot:
    """One knotd with its own folder."""

    def __init__(self, name: str, folder: pathlib.Path, address: str):
        self.name, self.folder, self.address = name, folder / name, address
        self.config = self.folder / "knot.conf"
        (self.folder / "db").mkdir(parents=True)
        self.server = Server(f"knot {name}", ["knotd", "-c", str(self.config)], self.folder / "log")

    def configure(self, sections: str) -> None:
        storage = {"storage": self.folder / "db", "journal-db-max-size": "16M", "kasp-db-max-size": "16M", "timer-db-max-size": "16M"}
        server = {"rundir": self.folder, "listen": f"{self.address}@53", "identity": self.name,
                  "udp-workers": 1, "tcp-workers": 1, "background-workers": 1}
        self.config.write_text(_map("server", server) + _map("database", storage) +
                               _section("log", {"target": "stderr", "any": "info"}) + sections)

    def zone_file(self, zone: str, lines: list[str]) -> None:
        (self.folder / _file(zone)).write_text("\n".join([f"$ORIGIN {zone}", "$TTL 60", *lines, ""]))

    def make_key(self, zone: str) -> None:
        run(["keymgr", "-c", str(self.config), zone, "generate", "algorithm=ecdsap256sha256", "ksk=yes", "zsk=yes"])

    def ds(self, zone: str) -> list[str]:
        """DS records with SHA-256, as lines of the parent's zone file."""
        words = [line.split() for line in run(["keymgr", "-c", str(self.config), zone, "ds"]).splitlines()]
        return [f"{zone} DS {' '.join(line[2:])}" for line in words if line[1] == "DS" and line[4] == "2"]

    def dnskey(self, zone: str) -> str:
        return run(["keymgr", "-c", str(self.config), zone, "dnskey"]).strip()

    def control(self, *words: str) -> str:
        return run(["knotc", "-s", str(self.folder / "knot.sock"), *words])

    def wait_ready(self, zone: str, kind: int = dns.DNSKEY) -> None:
        def served():
            self.server.require_running()
            answer = dns.query(self.address, zone, kind, 0.5)
            return answer and answer.rcode == dns.NOERROR and answer.records
        wait_until(f"{self.server.name} serves {zone}", served, 120)


def _file(zone: str) -> str:
    return f"{zone if zone != '.' else 'root'}zone" if zone.endswith(".") else f"{zone}.zone"


def _policy() -> str:
    # Short lives for everything but the signatures: nothing of DNSSEC itself changes while the lab runs.
    return _section("policy", {"id": "lab", "algorithm": "ecdsap256sha256", "single-type-signing": "on", "dnskey-ttl": 10,
                               "cds-cdnskey-publish": "none"})


def _plain_zone(zone: str, knot: Knot) -> dict[str, object]:
    return {"domain": zone, "file": knot.folder / _file(zone), "zonefile-sync": -1, "zonefile-load": "whole", "journal-content": "changes"}


def _signed_zone(zone: str, knot: Knot, acl: str | None = None) -> dict[str, object]:
    return {**_plain_zone(zone, knot), "dnssec-signing": "on", "dnssec-policy": "lab", **({"acl": acl} if acl else {})}


class NameServers:
    """The three servers, and the two TSIG keys that may change example.test: mxseal's (TLSA, TXT and MX only) and the admin's."""

    def __init__(self, folder: pathlib.Path):
        self.parent = Knot("parent", folder, addresses.PARENT)
        self.primary = Knot("primary", folder, addresses.PRIMARY)
        self.secondary = Knot("secondary", folder, addresses.SECONDARY)
        self.mxseal_key, self.admin_key, self._transfer_key = new_tsig("mxseal"), new_tsig("admin"), new_tsig(_TRANSFER_KEY)
        self.trust_anchor, self.root_hints = folder / "root.key", folder / "root.hints"
        self._configure_primary()
        self._configure_secondary()
        self._configure_parent()
        for knot in (self.parent, self.primary):
            knot.server.start()

    def _configure_parent(self) -> None:
        knot = self.parent
        knot.configure(_policy() + _section("zone", _signed_zone(".", knot), _signed_zone("test.", knot)))
        for zone in (".", "test."):
            knot.make_key(zone)
        soa = _SOA.format(ttl=60, ns=_ROOT_SERVER, refresh=60, minimum=5)
        knot.zone_file(".", [soa, f". NS {_ROOT_SERVER}", f"{_ROOT_SERVER} A {knot.address}",
                             "test. NS ns.test.", f"ns.test. A {knot.address}", *knot.ds("test.")])
        knot.zone_file("test.", [soa, "test. NS ns.test.", f"ns.test. A {knot.address}",
                                 "example.test. NS ns1.example.test.", "example.test. NS ns2.example.test.",
                                 f"ns1.example.test. A {self.primary.address}", f"ns2.example.test. A {self.secondary.address}",
                                 *self.primary.ds("example.test."),
                             "customers.test. NS ns1.example.test.", "customers.test. NS ns2.example.test."])
        self.trust_anchor.write_text(knot.dnskey(".") + "\n")
        self.root_hints.write_text(f". 3600000 NS {_ROOT_SERVER}\n{_ROOT_SERVER} 3600000 A {knot.address}\n")

    def _configure_primary(self) -> None:
        knot = self.primary
        knot.configure(
            _section("key", self.mxseal_key.item(), self.admin_key.item(), self._transfer_key.item()) +
            _section("acl", {"id": "mxseal", "key": "mxseal", "action": "[update, transfer]", "update-type": "[TLSA, TXT, MX]"},
                     {"id": "admin", "key": "admin", "action": "[update, transfer]"},
                     {"id": "secondary", "key": _TRANSFER_KEY, "action": "transfer"}) +
            _policy() + _section("zone", _signed_zone("example.test.", knot, "[mxseal, admin, secondary]"),
                                 {**_plain_zone("customers.test.", knot), "acl": "[admin, secondary]"}))
        knot.make_key("example.test.")
        # No NOTIFY: the secondary finds each change by its own refresh, up to two seconds late.
        knot.zone_file("example.test.", [
            _SOA.format(ttl=addresses.TLSA_TTL, ns="ns1.example.test.", refresh=2, minimum=addresses.TLSA_TTL),
            "@ NS ns1", "@ NS ns2", f"ns1 A {knot.address}", f"ns2 A {self.secondary.address}",
            "@ MX 10 mx1", "@ MX 20 mx2",
            f"mx1 A {addresses.MX1_V4}", f"mx1 AAAA {addresses.MX1_V6}", f"mx2 A {addresses.MX2_V4}"])
        knot.zone_file("customers.test.", [
            _SOA.format(ttl=addresses.TLSA_TTL, ns="ns1.example.test.", refresh=2, minimum=addresses.TLSA_TTL),
            "@ NS ns1.example.test.", "@ NS ns2.example.test."])

    def _configure_secondary(self) -> None:
        primary = {"id": "primary", "address": f"{self.primary.address}@53", "key": _TRANSFER_KEY}
        zones = [{"domain": f"{zone}.", "file": self.secondary.folder / f"{zone}.zone", "zonefile-sync": -1, "master": "primary"} for zone in _ZONES]
        self.secondary.configure(_section("key", self._transfer_key.item()) + _section("remote", primary) + _section("zone", *zones))

    def wait_ready(self) -> None:
        self.parent.wait_ready(".")
        self.parent.wait_ready("test")
        self.primary.wait_ready("example.test")
        self.secondary.server.start()  # after its primary: a first transfer that fails is tried again only after 20 s
        self.secondary.wait_ready("example.test")
        self.secondary.wait_ready("customers.test", dns.SOA)

    def update(self, lines: list[str], key: Tsig | None = None, zone: str = addresses.DOMAIN) -> None:
        """nsupdate to the primary, as the admin unless told otherwise: a hand beside mxseal's."""
        key = key or self.admin_key
        script = "\n".join([f"server {self.primary.address}", f"zone {zone}.", *lines, "send", ""])
        run(["nsupdate", "-y", f"hmac-sha256:{key.name}:{key.secret}"], stdin=script)

    def set_signed(self, signed: bool) -> None:
        """Starts example.test anew, signed or not, with or without its DS at the parent; what was written since the start is lost."""
        for knot in (self.secondary, self.primary):
            knot.server.stop()
            shutil.rmtree(knot.folder / "db" / "journal", ignore_errors=True)  # it would bring back the zone as it was
        text, signing = self.primary.config.read_text(), "dnssec-signing: "
        self.primary.config.write_text(text.replace(signing + ("off" if signed else "on"), signing + ("on" if signed else "off")))
        change = ["zone-set", "test.", "example.test.", "60"] if signed else ["zone-unset", "test.", "example.test."]
        self.parent.control("zone-begin", "test.")
        for line in self.primary.ds("example.test."):
            self.parent.control(*change, *line.split()[1:])
        self.parent.control("zone-commit", "test.")
        kind = dns.DNSKEY if signed else dns.SOA
        for knot in (self.primary, self.secondary):
            knot.server.start()
            knot.wait_ready("example.test", kind)

    def set_tlsa(self, host: str, records: list[str], ttl: int = addresses.TLSA_TTL) -> None:
        owner = addresses.tlsa_owner(host)
        self.update([f"update delete {owner}. TLSA", *(f"update add {owner}. {ttl} TLSA {record}" for record in records)])

    def hold_secondary(self) -> None:
        """It answers on with what it has, and takes nothing new until release_secondary()."""
        self.secondary.control("-b", "zone-freeze", "example.test.")

    def release_secondary(self) -> None:
        self.secondary.control("-b", "zone-thaw", "example.test.")
        self.secondary.control("zone-refresh", "example.test.")

    def tlsa(self, host: str) -> dict[str, frozenset[str] | None]:
        """What each authoritative server answers now; None where one does not answer."""
        answers = {knot.name: dns.query(knot.address, addresses.tlsa_owner(host), dns.TLSA, 1) for knot in (self.primary, self.secondary)}
        return {name: answer.tlsa() if answer else None for name, answer in answers.items()}

    def tlsa_ttl(self, host: str) -> list[int | None]:
        """The TTL with which each authoritative server answers now."""
        answers = [dns.query(knot.address, addresses.tlsa_owner(host), dns.TLSA, 1) for knot in (self.primary, self.secondary)]
        return [answer.ttl() if answer else None for answer in answers]

    def wait_tlsa_everywhere(self, host: str, records: list[str]) -> None:
        wanted = frozenset(records)
        wait_until(f"both servers answer with the new TLSA of {host}", lambda: all(seen == wanted for seen in self.tlsa(host).values()), 15)
