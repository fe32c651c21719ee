"""Self-made keys, as an admin made them years ago with openssl, and the TLSA record that each one wants."""
import hashlib
import pathlib
import socket
import ssl

from process import run


def self_made(host: str, combined: pathlib.Path, algorithm: str) -> None:
    """Key and self-signed certificate in one file, ready for smtpd_tls_chain_files. algorithm: `ec` or `rsa`."""
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"] if algorithm == "ec" else ["-newkey", "rsa:2048"]
    combined.parent.mkdir(parents=True, exist_ok=True)
    key, leaf = combined.with_suffix(".key.part"), combined.with_suffix(".leaf.part")
    run(["openssl", "req", "-x509", "-nodes", "-days", "3650", *kind, "-subj", f"/CN={host}", "-addext", f"subjectAltName=DNS:{host}",
         "-keyout", str(key), "-out", str(leaf)])
    swap(combined, key.read_text() + leaf.read_text())
    key.unlink(), leaf.unlink()


def swap(file: pathlib.Path, text: str) -> None:
    """Both at once: a reader sees the old file or the new one."""
    part = file.with_suffix(".swap.part")
    part.write_text(text)
    part.chmod(0o600)
    part.rename(file)


def authority(folder: pathlib.Path, addresses: list[str]) -> tuple[pathlib.Path, pathlib.Path, pathlib.Path]:
    """A private CA and a server certificate for `addresses`: (CA certificate, server certificate, server key)."""
    folder.mkdir(parents=True, exist_ok=True)
    ca, ca_key, leaf, key = (folder / name for name in ("ca.pem", "ca.key", "server.pem", "server.key"))
    ec = ["-nodes", "-days", "30", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    run(["openssl", "req", "-x509", *ec, "-subj", "/CN=lab CA", "-keyout", str(ca_key), "-out", str(ca)])
    names = ",".join(f"IP:{address}" for address in addresses)
    run(["openssl", "req", "-x509", *ec, "-subj", "/CN=lab server", "-CA", str(ca), "-CAkey", str(ca_key), "-addext",
         f"subjectAltName={names}", "-addext", "basicConstraints=critical,CA:FALSE", "-keyout", str(key), "-out", str(leaf)])
    return ca, leaf, key


def tlsa_of_file(combined: pathlib.Path) -> str:
    return _tlsa(run(["openssl", "x509", "-in", str(combined), "-noout", "-pubkey"]))


def _tlsa(public_key_pem: str) -> str:
    der = ssl.PEM_cert_to_DER_cert(public_key_pem.replace("PUBLIC KEY", "CERTIFICATE"))
    return f"3 1 1 {hashlib.sha256(der).hexdigest()}"


def tlsa_on_wire(address: str, host: str, seconds: float = 5) -> str:
    """The record that the key wants which this endpoint shows right now, by our own STARTTLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection((address, 25), timeout=seconds) as wire:
        lines = wire.makefile("rb")
        _reply(lines)
        wire.sendall(b"EHLO judge.example.test\r\n")
        _reply(lines)
        wire.sendall(b"STARTTLS\r\n")
        _reply(lines)
        with context.wrap_socket(wire, server_hostname=host) as tls:
            leaf = ssl.DER_cert_to_PEM_cert(tls.getpeercert(binary_form=True))
    return _tlsa(run(["openssl", "x509", "-noout", "-pubkey"], stdin=leaf))


def _reply(lines) -> None:
    for _ in range(50):  # our choice: no honest greeting has more lines
        line = lines.readline(1000)
        if line[3:4] != b"-":
            if line[:1] != b"2":
                raise OSError(f"SMTP said {line!r}")
            return
    raise OSError("an SMTP reply without an end")
