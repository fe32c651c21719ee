#!/usr/bin/python3
"""The dns-01 hook of the lab's ACME clients: puts a TXT record into the zone by nsupdate and waits until both name servers have it.

Called as certbot's manual hooks (`acme_challenge.py certbot-auth|certbot-cleanup`), as dehydrated's HOOK (`deploy_challenge DOMAIN FILE VALUE`,
`clean_challenge ..`; every other operation is not ours), and as uacme's (`begin|done|failed TYPE IDENT TOKEN VALUE`; exit 1 declines a type).
The TSIG key's file stands in $LAB_TSIG_FILE.
"""
import os
import subprocess
import sys
import time

import addresses
import dns

_SECONDS_MAX = 20  # until the secondary has it, which refreshes every two seconds
_TTL = 60


def _update(lines: list[str]) -> None:
    script = "\n".join([f"server {addresses.PRIMARY}", f"zone {addresses.DOMAIN}.", *lines, "send", ""])
    subprocess.run(["nsupdate", "-k", os.environ["LAB_TSIG_FILE"]], input=script, text=True, check=True, timeout=10)


def _publish(domain: str, value: str) -> int:
    """Exit status for the client."""
    owner = f"_acme-challenge.{domain}"
    _update([f"update delete {owner}. TXT", f'update add {owner}. {_TTL} TXT "{value}"'])
    end = time.monotonic() + _SECONDS_MAX
    while time.monotonic() < end:
        answers = [dns.query(server, owner, dns.TXT, 1) for server in (addresses.PRIMARY, addresses.SECONDARY)]
        if all(answer and answer.texts() == {value} for answer in answers):
            return 0
        time.sleep(0.1)
    print(f"acme_challenge: not every name server has the TXT record of {owner} after {_SECONDS_MAX} s", file=sys.stderr)
    return 1


def _remove(domain: str) -> int:
    _update([f"update delete _acme-challenge.{domain}. TXT"])
    return 0


def main(words: list[str]) -> int:
    operation = words[0] if words else ""
    if operation == "certbot-auth":
        return _publish(os.environ["CERTBOT_DOMAIN"], os.environ["CERTBOT_VALIDATION"])
    if operation == "certbot-cleanup":
        return _remove(os.environ["CERTBOT_DOMAIN"])
    if operation == "deploy_challenge":
        return _publish(words[1], words[3])
    if operation == "clean_challenge":
        return _remove(words[1])
    if operation in ("begin", "done", "failed"):
        if words[1] != "dns-01":
            return 1
        return _publish(words[2], words[4]) if operation == "begin" else _remove(words[2])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
