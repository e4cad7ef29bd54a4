"""Certificates made on the spot, each its own authority, with the `openssl` command."""

import ssl
import subprocess
from pathlib import Path

_KEY = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
_LONG_AGO = "-startdate 20200101000000Z -enddate 20200201000000Z"
_AUTHORITY = """
[ca]
default_ca = own
[own]
database = {folder}/{name}.index
serial = {folder}/{name}.serial
new_certs_dir = {folder}
default_md = sha256
policy = any
copy_extensions = copy
[any]
commonName = supplied
"""


def certificate(folder: Path, name: str, subject: str, *, expired: bool = False) -> ssl.SSLContext:
    """Make one for a `subject` such as `IP:127.0.0.1`; return the context of a server with it.

    It is at `name`.pem in the folder.
    """
    path, key = folder / f"{name}.pem", folder / f"{name}.key"
    who = f"-subj /CN={name} -addext subjectAltName={subject}"
    if expired:
        # Only `openssl ca` can make one that was valid in the past.
        (folder / f"{name}.index").touch()
        (folder / f"{name}.serial").write_text("01")
        (folder / f"{name}.cnf").write_text(_AUTHORITY.format(folder=folder, name=name))
        asked = folder / f"{name}.csr"
        _openssl(f"req -new {_KEY} {who} -keyout {key} -out {asked}")
        _openssl(
            f"ca -batch -notext -selfsign -config {folder / name}.cnf -keyfile {key} -in {asked}"
            f" {_LONG_AGO} -out {path}"
        )
    else:
        _openssl(f"req -x509 {_KEY} -days 2 {who} -keyout {key} -out {path}")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path, key)
    context.set_alpn_protocols(["h2", "http/1.1"])
    return context


def _openssl(arguments: str) -> None:
    subprocess.run(["openssl", *arguments.split()], check=True, capture_output=True)
