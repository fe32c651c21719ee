"""What one MTA-STS sender makes of a mail domain: the policy that it holds, and whether the MX hosts pass by it. Runs in policy_sender.py.

The fetching is that of Debian's postfix-mta-sts-resolver (its STSResolver is what `mta-sts-query` and the Postfix daemon call).
"""
import asyncio
import smtplib
import socket
import ssl
import time
from dataclasses import dataclass
from typing import Any, Optional

from postfix_mta_sts_resolver.resolver import STSFetchResult, STSResolver

OK, NO_POLICY = "ok", "no policy"
_SECONDS = 8  # our choice: for one fetch or handshake, on a busy machine


@dataclass
class Held:
    """A policy in a sender's cache."""
    id: str
    policy: dict[str, Any]
    fetched: float   # monotonic clock, seconds

    def text(self) -> str:
        return body_text(self.policy["mode"], self.policy["max_age"], self.policy.get("mx", []))

    def over(self) -> bool:
        # RFC 8461 section 3.2: max_age counts from the fetch.
        return time.monotonic() >= self.fetched + self.policy["max_age"]


def body_text(mode: str, max_age: int, patterns: list[str]) -> str:
    """The same text for the same policy, however it was read."""
    return f"{mode} {max_age} {' '.join(sorted(patterns))}"


class Sender:
    """One cache. `refresh`: seconds after which the id is looked at again; 0: each time, and nothing is kept; None: only when max_age is over."""

    def __init__(self, name: str, refresh: Optional[float], needs_all: bool):
        self.name, self.refresh, self.needs_all = name, refresh, needs_all
        self.held: Optional[Held] = None
        self.seen = False        # a policy, ever
        self._looked = 0.0

    async def look(self, resolver: STSResolver, domain: str) -> str:
        """Brings the cache up to date as this sender does it; OK, NO_POLICY, or what is wrong."""
        if self.held and self.held.over():
            self.held = None
        if self.held and (self.refresh is None or time.monotonic() < self._looked + self.refresh):
            return OK
        known = self.held.id if self.held and self.refresh else None
        begin = time.monotonic()
        result, found = await resolver.resolve(domain, known)
        self._looked = begin
        if result is STSFetchResult.NOT_CHANGED:
            return OK
        if result is STSFetchResult.VALID:
            self.held, self.seen = Held(found[0], found[1], begin), True
            return OK
        return self._missed(result)

    def _missed(self, result: STSFetchResult) -> str:
        # RFC 8461 section 3.3: a policy that is held stays in force when nothing new is found.
        left = self.held is None or self.held.policy["mode"] == "none"
        if result is STSFetchResult.NONE and (left or self.refresh != 0):
            return NO_POLICY if self.held is None else OK
        if result is STSFetchResult.NONE:
            return "the policy is gone, and the last one was not `mode: none`"
        return "an id is announced, and no policy can be fetched"

    def judge(self, hosts: dict[str, str]) -> str:
        """`hosts`: each MX host, with what is wrong with its certificate. RFC 8461 section 4."""
        if self.held is None or self.held.policy["mode"] == "none":
            return OK
        patterns = self.held.policy["mx"]
        wrong = {host: trouble or ("" if covers(patterns, host) else f"not covered by {' '.join(patterns)}") for host, trouble in hosts.items()}
        bad = [f"{host}: {what}" for host, what in wrong.items() if what]
        if bad and (self.needs_all or len(bad) == len(wrong)):
            return "; ".join(bad)
        return OK


def covers(patterns: list[str], host: str) -> bool:
    """RFC 8461 section 4.1: a wildcard stands for one label."""
    return any(host == pattern or (pattern.startswith("*.") and host.partition(".")[2] == pattern[2:]) for pattern in patterns)


def certificate_trouble(host: str, context: ssl.SSLContext) -> str:
    """Empty, or what a sender under MTA-STS finds wrong at some address of the host (RFC 8461 section 4.2)."""
    for address in sorted({found[4][0] for found in socket.getaddrinfo(host, 25, type=socket.SOCK_STREAM)}):
        try:
            with smtplib.SMTP(local_hostname="sender.example.test", timeout=_SECONDS) as session:
                session.connect(address, 25)
                session._host = host  # the name that starttls() asks for and verifies
                session.starttls(context=context)
                session.ehlo()
        except (OSError, smtplib.SMTPException) as why:
            return f"{address}: {why}"
    return ""


async def mx_hosts(resolver: STSResolver, domain: str) -> list[str]:
    """By the same resolver as the policy's."""
    answers = await asyncio.wait_for(resolver._resolver.query(domain, "MX"), timeout=_SECONDS)
    return sorted(answer.host.rstrip(".") for answer in answers)
