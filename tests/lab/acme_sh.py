#!/usr/bin/python3
"""Stands in for acme.sh, which Debian 12 does not package: its files, its hooks' environment, arguments and order. Certificates are real.

    acme_sh.py --issue -d HOST --server URL --home DIR --dns PROGRAM [--always-force-new-domain-key [0|1]] [--force]
               [--pre-hook CMD] [--post-hook CMD] [--renew-hook CMD] [--reloadcmd CMD] [--key-file F] [--fullchain-file F]
    acme_sh.py --renew -d HOST --home DIR [--always-force-new-domain-key [0|1]] [--force]

As acme.sh documents it (wiki: "Using pre hook post hook renew hook reloadcmd", "tlsa next key"): what --issue is told is kept in
HOST.conf and holds for --renew. A key stays, unless Le_ForceNewDomainKey is 1: then the pre-generated HOST.key.next becomes the key and a next one
is made, *before* the order, so that an order that fails has used up the published key. After the order: files are installed, then reloadcmd, then
the post hook, then, at a renewal, the renew hook; all in the domain's folder, with CERT_PATH, CERT_KEY_PATH, CA_CERT_PATH, CERT_FULLCHAIN_PATH and
Le_Domain set, reloadcmd with Le_ForceNewDomainKey and Le_Next_Domain_Key too. Orders go to the CA through `uacme issue CSR`.
"""
import argparse
import base64
import os
import pathlib
import shutil
import subprocess
import sys

_SKIPPED = 2  # acme.sh's own exit status for a renewal that is not due
_ENCODED, _ENCODED_END = "__ACME_BASE64__START_", "__ACME_BASE64__END_"
_KEPT = {"server": "Le_API", "dns": "Le_Webroot", "pre_hook": "Le_PreHook", "post_hook": "Le_PostHook", "renew_hook": "Le_RenewHook",
         "reloadcmd": "Le_ReloadCmd", "key_file": "Le_RealKeyPath", "fullchain_file": "Le_RealFullChainPath"}
_COMMANDS = ("Le_PreHook", "Le_PostHook", "Le_RenewHook", "Le_ReloadCmd")
_CERTIFICATE_END = "-----END CERTIFICATE-----\n"


class Failed(Exception):
    """Nothing was issued, or a hook did not end well."""


class Domain:
    """The folder HOME/HOST_ecc and its HOST.conf."""

    def __init__(self, home: pathlib.Path, host: str):
        self.host, self.folder = host, home / f"{host}_ecc"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.key, self.next_key, self.csr = (self.folder / f"{host}{end}" for end in (".key", ".key.next", ".csr"))
        self.leaf, self.authority, self.chain = self.folder / f"{host}.cer", self.folder / "ca.cer", self.folder / "fullchain.cer"
        self._conf = self.folder / f"{host}.conf"

    def read(self) -> dict[str, str]:
        if not self._conf.exists():
            return {"Le_Domain": self.host, "Le_Keylength": "ec-256"}
        conf = dict(line.split("=", 1) for line in self._conf.read_text().splitlines() if "=" in line)
        return {name: _decoded(value.strip("'")) for name, value in conf.items()}

    def write(self, conf: dict[str, str]) -> None:
        self._conf.write_text("".join(f"{name}='{_encoded(value) if name in _COMMANDS else value}'\n" for name, value in conf.items() if value))

    def environment(self) -> dict[str, str]:
        return {"CERT_PATH": str(self.leaf), "CERT_KEY_PATH": str(self.key), "CA_CERT_PATH": str(self.authority),
                "CERT_FULLCHAIN_PATH": str(self.chain), "Le_Domain": self.host}


def _encoded(text: str) -> str:
    return _ENCODED + base64.b64encode(text.encode()).decode() + _ENCODED_END


def _decoded(text: str) -> str:
    inner = text.removeprefix(_ENCODED).removesuffix(_ENCODED_END)
    return base64.b64decode(inner).decode() if inner != text else text


def _call(what: str, command: str, folder: pathlib.Path, environment: dict[str, str]) -> None:
    if command and subprocess.run(["/bin/sh", "-c", command], cwd=folder, env={**os.environ, **environment}, check=False).returncode != 0:
        raise Failed(f"error when running {what}: {command}")


def _make_key(file: pathlib.Path) -> None:
    file.touch(0o600)
    subprocess.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", str(file)], check=True)


def _choose_key(domain: Domain, force_new: bool) -> None:
    if force_new and domain.next_key.exists():
        domain.key.write_text(domain.next_key.read_text())
    elif force_new or not domain.key.exists():
        _make_key(domain.key)
    if force_new:
        _make_key(domain.next_key)
    subprocess.run(["openssl", "req", "-new", "-key", str(domain.key), "-subj", f"/CN={domain.host}", "-addext", f"subjectAltName=DNS:{domain.host}",
                    "-out", str(domain.csr)], check=True)


def _order(domain: Domain, conf: dict[str, str], home: pathlib.Path) -> None:
    account = home / "ca"
    base = ["uacme", "-a", conf["Le_API"], "-c", str(account), "-y", "-o"]
    if not (account / "private" / "key.pem").exists():
        account.mkdir(exist_ok=True)
        subprocess.run([*base, "new"], check=True)
    issued = domain.folder / f"{domain.host}-cert.pem"  # where uacme puts it
    issued.unlink(missing_ok=True)
    if subprocess.run([*base, "-f", "-h", conf["Le_Webroot"], "issue", str(domain.csr)], check=False).returncode != 0 or not issued.exists():
        raise Failed("the order failed")
    leaf, _, rest = issued.read_text().partition(_CERTIFICATE_END)
    domain.leaf.write_text(leaf + _CERTIFICATE_END)
    domain.authority.write_text(rest.lstrip())
    domain.chain.write_text(issued.read_text())


def _install(domain: Domain, conf: dict[str, str]) -> None:
    for name, source in (("Le_RealKeyPath", domain.key), ("Le_RealFullChainPath", domain.chain)):
        if conf.get(name):
            shutil.copyfile(source, conf[name])
    more = {"Le_ForceNewDomainKey": conf.get("Le_ForceNewDomainKey", ""), "Le_Next_Domain_Key": str(domain.next_key)}
    _call("reloadcmd", conf.get("Le_ReloadCmd", ""), domain.folder, {**domain.environment(), **more})


def _issue(domain: Domain, conf: dict[str, str], home: pathlib.Path, renewal: bool) -> None:
    domain.write(conf)
    _call("the pre hook", conf.get("Le_PreHook", ""), domain.folder, {})
    try:
        _choose_key(domain, conf.get("Le_ForceNewDomainKey") == "1")
        _order(domain, conf, home)
    except Failed:
        _call("the post hook", conf.get("Le_PostHook", ""), domain.folder, {})
        raise
    _install(domain, conf)
    _call("the post hook", conf.get("Le_PostHook", ""), domain.folder, domain.environment())
    if renewal:
        _call("the renew hook", conf.get("Le_RenewHook", ""), domain.folder, domain.environment())


def _options() -> argparse.Namespace:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    action = options.add_mutually_exclusive_group(required=True)
    action.add_argument("--issue", action="store_true")
    action.add_argument("--renew", action="store_true")
    options.add_argument("-d", "--domain", required=True)
    options.add_argument("--home", type=pathlib.Path, required=True)
    options.add_argument("--always-force-new-domain-key", nargs="?", const="1")
    options.add_argument("--force", action="store_true")
    for name in _KEPT:
        options.add_argument("--" + name.replace("_", "-"))
    return options.parse_args()


def main() -> int:
    chosen = _options()
    domain = Domain(chosen.home, chosen.domain)
    conf = domain.read()
    if chosen.renew and not domain.leaf.exists():
        print(f"'{chosen.domain}' is not an issued domain, skipping.")
        return _SKIPPED
    if domain.leaf.exists() and not chosen.force:
        print("Skipped: the certificate is not due. Add '--force' to renew it all the same.")
        return _SKIPPED
    for name, kept in _KEPT.items():
        if getattr(chosen, name) is not None:
            conf[kept] = getattr(chosen, name)
    if chosen.always_force_new_domain_key is not None:
        conf["Le_ForceNewDomainKey"] = "1" if chosen.always_force_new_domain_key == "1" else ""
    try:
        _issue(domain, conf, chosen.home, chosen.renew)
    except Failed as why:
        print(f"acme.sh: {why}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
