"""What admins have behind their ACME client today: a deploy script that swaps the MTA's file, reloads it and writes the TLSA records, all at once."""
import pathlib

import addresses
from acme_clients import Client
from postfix import Postfix

_SCRIPT = """\
#!/bin/sh
# KEY CHAIN [STANDBY]: serves the pair, and publishes 3 1 1 of its key and of the standby key, if there is one.
set -e
digest() {{ openssl pkey -in "$1" -pubout -outform DER | sha256sum | cut -d ' ' -f 1; }}
publish() {{
  {{
    echo 'server {server}'
    echo 'zone {zone}.'
    echo 'update delete {owner}. TLSA'
    for key; do echo "update add {owner}. {ttl} TLSA 3 1 1 $(digest "$key")"; done
    echo send
  }} | nsupdate -k {tsig}
}}
serve() {{
  (umask 077 && cat "$1" "$2" >{combined}.part)
  mv {combined}.part {combined}
  {reload}
}}
if [ -s "$3" ]; then
  # The key was published as the standby at the renewal before.
  serve "$1" "$2"
  publish "$1" "$3"
else
  publish "$1"
  serve "$1" "$2"
fi
"""


class OwnMeans:
    """A hook: the script above, with the arguments that the client's own hook interface gives."""

    def __init__(self, folder: pathlib.Path, mail: Postfix, tsig_file: pathlib.Path):
        self._script = folder / "deploy-own"
        self._script.write_text(_SCRIPT.format(
            server=addresses.PRIMARY, zone=addresses.DOMAIN, owner=addresses.tlsa_owner(mail.host), ttl=addresses.TLSA_TTL, tsig=tsig_file,
            combined=mail.combined, reload=" ".join(mail.reload_command())))
        self._script.chmod(0o755)

    def line(self, client: Client) -> str:
        """A script of one line, as clients differ in what they do to quotes."""
        wrapper = client.folder / "deploy"
        called = f'exec {self._script} {client.own_arguments()}'
        wrapper.write_text(f"#!/bin/sh\n{called}\n")
        wrapper.chmod(0o755)
        return f'[ "$1" != deploy_cert ] || {wrapper} "$@"' if client.name == "dehydrated" else str(wrapper)
