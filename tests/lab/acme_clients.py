"""The ACME clients that people run: certbot, lego, dehydrated and uacme of Debian 12, and a stand-in for acme.sh, which it does not package."""
import pathlib

import addresses
from acme_client import Client, Hook, Order, Place

_HERE = pathlib.Path(__file__).resolve().parent
_CHALLENGE = _HERE / "acme_challenge.py"


class Certbot(Client):
    name = "certbot"

    def environment(self) -> dict[str, str]:
        return {**super().environment(), "REQUESTS_CA_BUNDLE": str(self.where.ca_file)}

    def config_dir(self) -> pathlib.Path:
        return self.folder / "etc"

    def keys_folder(self) -> pathlib.Path:
        return self.config_dir()

    def live(self) -> pathlib.Path:
        return self.config_dir() / "live" / self.where.host

    def key_file(self) -> pathlib.Path:
        return self.live() / "privkey.pem"

    def chain_file(self) -> pathlib.Path:
        return self._for_csr() / "fullchain.pem" if self.for_request() else self.live() / "fullchain.pem"

    def own_arguments(self) -> str:
        return '"$RENEWED_LINEAGE/privkey.pem" "$RENEWED_LINEAGE/fullchain.pem"'

    def command(self, order: Order) -> str:
        line = self.hook.line(self)
        hook = f"--deploy-hook '{line}'" if line else ""
        if order is Order.first:
            return f"{self._certonly()} {hook} --agree-tos --register-unsafely-without-email -d {','.join(self.where.hosts)} --key-type ecdsa --reuse-key"
        return f"{self._base()} {hook} renew --force-renewal --no-random-sleep-on-renew {'--new-key' if order is Order.new else ''}"

    def command_for(self, handover: pathlib.Path) -> str:
        # With a foreign request certbot keeps no lineage and calls no deploy hook.
        new, out = self.folder / "for-csr-new", self._for_csr()
        files = " ".join(f"--{kind}-path {new}/{kind}.pem" for kind in ("cert", "chain", "fullchain"))
        return (f"rm -rf {new} && mkdir {new} && {self._certonly()} --csr {handover}/csr.pem {files} && "
                f"rm -rf {out} && mv {new} {out} && {self.hook.line(self)}")

    def _for_csr(self) -> pathlib.Path:
        return self.folder / "for-csr"

    def _base(self) -> str:
        return f"certbot -n --config-dir {self.config_dir()} --work-dir {self.folder}/work --logs-dir {self.folder}/logs"

    def _certonly(self) -> str:
        return (f"{self._base()} certonly --server {self.where.directory} --manual --preferred-challenges dns "
                f"--manual-auth-hook '{_CHALLENGE} certbot-auth' --manual-cleanup-hook '{_CHALLENGE} certbot-cleanup'")


class Lego(Client):
    name = "lego"

    def environment(self) -> dict[str, str]:
        return {**super().environment(), "LEGO_CA_CERTIFICATES": str(self.where.ca_file), "RFC2136_NAMESERVER": f"{addresses.PRIMARY}:53",
                "RFC2136_TSIG_ALGORITHM": "hmac-sha256.", "RFC2136_TSIG_KEY": "mxseal.", "RFC2136_TSIG_SECRET": self.where.tsig_secret,
                "RFC2136_TTL": "60", "RFC2136_POLLING_INTERVAL": "1", "RFC2136_PROPAGATION_TIMEOUT": "20"}

    def keys_folder(self) -> pathlib.Path:
        return self.folder / "state"

    def key_file(self) -> pathlib.Path:
        return self.folder / "state" / "certificates" / f"{self.where.host}.key"

    def chain_file(self) -> pathlib.Path:
        return self.key_file().with_suffix(".crt")

    def own_arguments(self) -> str:
        return '"$LEGO_CERT_KEY_PATH" "$LEGO_CERT_PATH"'

    def command(self, order: Order) -> str:
        domains = " ".join(f"--domains {host}" for host in self.where.hosts)
        if order is Order.first:
            return f"{self._base()} {domains} run --run-hook '{self.hook.line(self)}'"
        return f"{self._base()} {domains} {self._renew()} {'' if order is Order.new else '--reuse-key'}"

    def command_for(self, handover: pathlib.Path) -> str:
        return f"{self._base()} --csr {handover}/csr.pem {self._renew()}"

    def _base(self) -> str:
        return (f"lego --path {self.folder}/state --server {self.where.directory} --accept-tos --email hostmaster@example.test --key-type ec256 "
                "--dns rfc2136")

    def _renew(self) -> str:
        return f"renew --days 99999 --no-random-sleep --renew-hook '{self.hook.line(self)}'"


class Dehydrated(Client):
    name = "dehydrated"

    def __init__(self, where: Place, hook: Hook):
        super().__init__(where, hook)
        (self.folder / "conf.d").mkdir()
        (self.folder / "domains.txt").write_text(" ".join(where.hosts) + "\n")

    def keys_folder(self) -> pathlib.Path:
        return self.folder / "certs"

    def key_file(self) -> pathlib.Path:
        return self.folder / "certs" / self.where.host / "privkey.pem"

    def chain_file(self) -> pathlib.Path:
        return self.key_file().with_name("fullchain.pem")

    def own_arguments(self) -> str:
        # The rollover key is dehydrated's way for TLSA: published now, in use after the next renewal.
        return '"$3" "$5" "$(dirname "$3")/privkey.roll.pem"'

    def after_kill(self) -> None:
        (self.folder / "lock").unlink(missing_ok=True)

    def command(self, order: Order) -> str:
        config = self._write_config(renews_key=order is not Order.kept)
        register = f"dehydrated -f {config} --register --accept-terms && " if order is Order.first else ""
        return f"{register}dehydrated -f {config} --cron --force"

    def command_for(self, handover: pathlib.Path) -> str:
        # With PRIVATE_KEY_RENEW=no it signs for the key that it finds.
        config = self._write_config(renews_key=False)
        return f"rm -f {self.key_file()} && install -m 600 {handover}/key.pem {self.key_file()} && dehydrated -f {config} --cron --force"

    def config_dir(self) -> pathlib.Path:
        return self.folder

    def _write_config(self, renews_key: bool) -> pathlib.Path:
        config, hook = self.config_dir() / "config", self.folder / "hook"
        config.write_text(
            f'CA="{self.where.directory}"\nCONFIG_D="{self.config_dir()}/conf.d"\nBASEDIR="{self.folder}"\nCHALLENGETYPE="dns-01"\nHOOK="{hook}"\nKEY_ALGO=prime256v1\n'
            f'CURL_OPTS="--cacert {self.where.ca_file}"\nCONTACT_EMAIL=hostmaster@example.test\nPRIVATE_KEY_ROLLOVER="yes"\n'
            f'PRIVATE_KEY_RENEW="{"yes" if renews_key else "no"}"\n')
        # An admin's HOOK answers the challenges and deploys.
        hook.write_text(f'#!/bin/sh\ncase "$1" in\n  deploy_challenge|clean_challenge) exec {_CHALLENGE} "$@" ;;\nesac\n{self.hook.line(self)}\n')
        hook.chmod(0o755)
        return config


class AcmeSh(Client):
    """The stand-in acme_sh.py; one host."""
    name = "acme.sh"

    def key_file(self) -> pathlib.Path:
        return self.folder / f"{self.where.host}_ecc" / f"{self.where.host}.key"

    def chain_file(self) -> pathlib.Path:
        return self.key_file().with_name("fullchain.cer")

    def own_arguments(self) -> str:
        return '"$CERT_KEY_PATH" "$CERT_FULLCHAIN_PATH" "$Le_Next_Domain_Key"'

    def command(self, order: Order) -> str:
        force = f"--always-force-new-domain-key {0 if order is Order.kept else 1}"
        if order is Order.first:
            return f"{self._base()} {force} --issue --server {self.where.directory} --dns {_CHALLENGE}"
        return f"{self._base()} {force} --renew --force"

    def command_for(self, handover: pathlib.Path) -> str:
        return (f"install -m 600 {handover}/key.pem {self.key_file()} && "
                f"{self._base()} --always-force-new-domain-key 0 --renew --force")

    def _base(self) -> str:
        return f"{_HERE}/acme_sh.py --home {self.folder} -d {self.where.host} --reloadcmd '{self.hook.line(self)}'"


class Uacme(Client):
    name = "uacme"

    def key_file(self) -> pathlib.Path:
        return self.folder / "private" / self.where.host / "key.pem"

    def chain_file(self) -> pathlib.Path:
        return self.folder / "request-cert.pem" if self.for_request() else self.folder / self.where.host / "cert.pem"

    def own_arguments(self) -> str:
        return f'"{self.key_file()}" "{self.chain_file()}"'

    def command(self, order: Order) -> str:
        if order is Order.new and self.key_file().exists():  # uacme keeps a key that is there
            self.key_file().rename(self.key_file().with_name("key-former.pem"))
        account = f"{self._base()} new && " if order is Order.first else ""
        return f"{account}{self._base()} {'' if order is Order.first else '-f'} issue {' '.join(self.where.hosts)} && {self.hook.line(self)}"

    def command_for(self, handover: pathlib.Path) -> str:
        # The certificate comes to lie beside the request, and the request's folder is not ours.
        return f"cp {handover}/csr.pem {self.folder}/request.pem && {self._base()} -f issue {self.folder}/request.pem && {self.hook.line(self)}"

    def _base(self) -> str:
        return f"uacme -a {self.where.directory} -c {self.folder} -t EC -y -o -h {_CHALLENGE}"


CLIENTS: dict[str, type[Client]] = {kind.name: kind for kind in (Certbot, Lego, Dehydrated, AcmeSh, Uacme)}
