"""What admins have behind their ACME client today: a deploy script that swaps the MTAs' files, reloads them and writes the TLSA records, all at once."""
import pathlib

import addresses
from acme_client import Client
from postfix import Postfix

_SCRIPT = """\
#!/bin/sh
# KEY CHAIN [STANDBY]: serves the pair, and publishes 3 1 1 of its key and of the standby key, if there is one.
set -e
digest() {{ openssl pkey -in "$1" -pubout -outform DER | sha256sum | cut -d ' ' -f 1; }}
records() {{ owner=$1; shift; echo "update delete $owner. TLSA"; for key; do echo "update add $owner. {ttl} TLSA 3 1 1 $(digest "$key")"; done; }}
publish() {{
  {{
    echo 'server {server}'
    echo 'zone {zone}.'
    for owner in {owners}; do records "$owner" "$@"; done
    echo send
  }} | nsupdate -k {tsig}
}}
serve() {{
  for combined in {combined}; do
    (umask 077 && cat "$1" "$2" >"$combined.part")
    mv "$combined.part" "$combined"
  done
{reloads}
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

    def __init__(self, folder: pathlib.Path, mail: list[Postfix], tsig_file: pathlib.Path):
        self._script = folder / "deploy-own"
        self._script.write_text(_SCRIPT.format(
            server=addresses.PRIMARY, zone=addresses.DOMAIN, ttl=addresses.TLSA_TTL, tsig=tsig_file,
            owners=" ".join(addresses.tlsa_owner(one.host) for one in mail), combined=" ".join(str(one.combined) for one in mail),
            reloads="\n".join("  " + " ".join(one.reload_command()) for one in mail)))
        self._script.chmod(0o755)

    def line(self, client: Client) -> str:
        """A script of one line, as clients differ in what they do to quotes."""
        wrapper = client.folder / "deploy"
        wrapper.write_text(f"#!/bin/sh\nexec {self._script} {client.own_arguments()}\n")
        wrapper.chmod(0o755)
        return f'[ "$1" != deploy_cert ] || {wrapper} "$@"' if client.name == "dehydrated" else str(wrapper)
