"""Self-made keys, as an admin made them years ago with openssl, and the TLSA record that each one wants."""
import hashlib
import pathlib
import socket
import ssl

from process import run

_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"


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
    """The record that the first certificate of the file wants."""
    return tlsa_of_certificate(leaf_of_file(combined))


def tlsa_of_certificate(der: bytes) -> str:
    """`3 1 1 <hex>`: RFC 5280 section 4.1: the key is the sixth or, with the version in front, the seventh part of tbsCertificate."""
    tbs, _ = _content(der, _content(der, 0)[0])
    if der[tbs] == 0xA0:
        tbs = _content(der, tbs)[1]
    for _ in range(5):  # serialNumber, signature, issuer, validity, subject
        tbs = _content(der, tbs)[1]
    return f"3 1 1 {hashlib.sha256(der[tbs:_content(der, tbs)[1]]).hexdigest()}"


def _content(der: bytes, at: int) -> tuple[int, int]:
    """Where the content of the DER element at `at` begins, and where the element ends."""
    length, begin = der[at + 1], at + 2
    if length & 0x80:
        begin += length & 0x7F
        length = int.from_bytes(der[at + 2:begin])
    return begin, begin + length


def tlsa_on_wire(address: str, host: str, seconds: float = 5) -> str:
    """The record that the key wants which this endpoint shows right now."""
    return tlsa_of_certificate(leaf_on_wire(address, host, seconds))


def leaf_of_file(chain: pathlib.Path) -> bytes:
    """The first certificate of the file, DER."""
    text = chain.read_text()
    return ssl.PEM_cert_to_DER_cert(text[text.index(_BEGIN):text.index(_END) + len(_END)])


def leaf_on_wire(address: str, host: str, seconds: float = 5) -> bytes:
    """The certificate (DER) that this endpoint shows right now, by our own STARTTLS."""
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
            return tls.getpeercert(binary_form=True)


def _reply(lines) -> None:
    for _ in range(50):  # our choice: no honest greeting has more lines
        line = lines.readline(1000)
        if line[3:4] != b"-":
            if line[:1] != b"2":
                raise OSError(f"SMTP said {line!r}")
            return
    raise OSError("an SMTP reply without an end")
