"""A DNS client of a few lines, independent of mxseal's: what does one server answer, and what is in its TLSA set?"""
import os
import socket
import struct
from dataclasses import dataclass, field
from typing import Iterator, Optional

A, NS, SOA, MX, TXT, TLSA, DNSKEY = 1, 2, 6, 15, 16, 52, 48
NOERROR, SERVFAIL, NXDOMAIN = 0, 2, 3
_CLASS_IN = 1


@dataclass
class Answer:
    rcode: int
    authentic: bool
    records: list[tuple[int, bytes]] = field(default_factory=list)  # (TTL in seconds, rdata) of the asked type

    def tlsa(self) -> frozenset[str]:
        """`3 1 1 <hex>` each."""
        return frozenset(f"{data[0]} {data[1]} {data[2]} {data[3:].hex()}" for _, data in self.records)

    def texts(self) -> frozenset[str]:
        """Each TXT record as one text, its strings joined (RFC 8461 section 3.1)."""
        return frozenset("".join(_strings(data)) for _, data in self.records)

    def ttl(self) -> Optional[int]:
        return max((ttl for ttl, _ in self.records), default=None)


def _strings(data: bytes) -> Iterator[str]:
    while data:
        yield data[1:1 + data[0]].decode("latin-1")
        data = data[1 + data[0]:]


def query(server: str, name: str, kind: int, seconds: float = 2) -> Optional[Answer]:
    """One UDP question with RD and DO; None when nothing valid came in time."""
    number = struct.unpack("!H", os.urandom(2))[0]
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.rstrip(".").split(".") if label) + b"\0"
    edns = b"\0" + struct.pack("!HHIH", 41, 1232, 0x8000, 0)
    packet = struct.pack("!6H", number, 0x0120, 1, 0, 0, 1) + labels + struct.pack("!2H", kind, _CLASS_IN) + edns
    with socket.socket(socket.AF_INET6 if ":" in server else socket.AF_INET, socket.SOCK_DGRAM) as wire:
        wire.settimeout(seconds)
        try:
            wire.connect((server, 53))
            wire.send(packet)
            return _parse(wire.recv(4096), number, kind)
        except (OSError, IndexError, struct.error):
            return None


def _parse(message: bytes, number: int, kind: int) -> Optional[Answer]:
    got, flags, questions, answers, _, _ = struct.unpack_from("!6H", message)
    if got != number:
        return None
    at = 12
    for _ in range(questions):
        at = _after_name(message, at) + 4
    answer = Answer(flags & 0xF, bool(flags & 0x20))
    for _ in range(answers):
        at = _after_name(message, at)
        of, _, ttl, length = struct.unpack_from("!HHIH", message, at)
        at += 10
        if of == kind:
            answer.records.append((ttl, message[at:at + length]))
        at += length
    return answer


def _after_name(message: bytes, at: int) -> int:
    while message[at]:
        if message[at] & 0xC0:
            return at + 2
        at += 1 + message[at]
    return at + 1
