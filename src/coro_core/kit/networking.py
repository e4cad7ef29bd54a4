"""The network settings that all plugins share: a proxy for https, and a company's certificates.

The environment's own variables, such as `HTTPS_PROXY` and `SSL_CERT_FILE`, are not obeyed. certifi
is loaded with the first client: a plugin's import should load no other package.
"""

import asyncio
import functools
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from coro_core.contract.errors import NotConfigured
from coro_core.kit.settings import NOT_AN_ADDRESS, ODD_CHARACTER

PROXY = "CORO_HTTPS_PROXY"
CA_FILE = "CORO_CA_FILE"

MAX_CA_FILE_BYTES = 4 * 1024 * 1024
"""Size limit of the file of certificates. The public ones together take 0.3 MB."""

_PROXY_HELP = "use an address such as http://proxy.example:3128"
_CA_FILE_HELP = "give the path of a PEM file that holds your company's certificates"
_CERTIFICATE = re.compile(
    r"-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Network:
    """The way that calls leave this machine: through a proxy or not, and who vouches for TLS."""

    proxy: str | None = field(default=None, repr=False)
    """Address of an http proxy for https calls, user and password included; `None` for none."""
    certificates: str = field(default="", repr=False)
    """Certificates in PEM format that are trusted besides the public ones."""

    def ssl_context(self) -> ssl.SSLContext:
        """Return the process's one context for these certificates. Blocks for some 30 ms."""
        return _ssl_context(self.certificates)

    def root_certificates(self) -> bytes:
        """Return all trusted certificates in PEM format, for libraries with a TLS of their own."""
        import certifi

        return f"{certifi.contents()}\n{self.certificates}".encode()


DIRECT = Network()
"""No proxy, and the public certificates only."""


async def network(environ: Mapping[str, str]) -> Network:
    """Return the network settings `CORO_HTTPS_PROXY` and `CORO_CA_FILE`.

    Reads the file of certificates in a thread. Raises `NotConfigured`.
    """
    proxy = _read_proxy(environ.get(PROXY, "").strip())
    path = environ.get(CA_FILE, "").strip()
    if not path:
        return Network(proxy)
    return Network(proxy, await asyncio.to_thread(_read_certificates, path))


def _read_proxy(address: str) -> str | None:
    if not address:
        return None
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
        # Both become a header, in Latin-1 and with a colon in between.
        user = unquote(parts.username or "", errors="strict")
        (user + unquote(parts.password or "", errors="strict")).encode("latin-1")
    except ValueError:
        problem = NOT_AN_ADDRESS
    else:
        if not (address.isascii() and address.isprintable()) or " " in address:
            problem = ODD_CHARACTER
        elif parts.scheme != "http" or not host:
            problem = "is not an http address"
        elif port is None:
            problem = "names no port"
        elif parts.path not in ("", "/") or "?" in address or "#" in address:
            problem = "must hold no path, query or fragment"
        elif ":" in user:
            problem = "holds a user name with a colon"
        else:
            return f"http://{parts.netloc}"
    raise NotConfigured(PROXY, help=_PROXY_HELP, problem=problem)


def _read_certificates(path: str) -> str:
    try:
        with Path(path).open("rb") as stream:
            content = stream.read(MAX_CA_FILE_BYTES + 1)
    except (OSError, ValueError) as exc:
        reason = getattr(exc, "strerror", None) or "not a path"
        problem = f"names a file that cannot be read ({reason})"
        raise NotConfigured(CA_FILE, help=_CA_FILE_HELP, problem=problem) from None
    if len(content) > MAX_CA_FILE_BYTES:
        problem = f"names a file of more than {MAX_CA_FILE_BYTES:,} bytes"
        raise NotConfigured(CA_FILE, help=_CA_FILE_HELP, problem=problem)
    # Only these blocks: a file may hold comments in any encoding, and a private key.
    certificates = "\n".join(_CERTIFICATE.findall(content.decode("latin-1")))
    if not certificates:
        problem = "names a file that holds no certificate in PEM format"
        raise NotConfigured(CA_FILE, help=_CA_FILE_HELP, problem=problem)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=certificates)
    except (ssl.SSLError, ValueError):
        problem = "names a file with a certificate that is damaged"
        raise NotConfigured(CA_FILE, help=_CA_FILE_HELP, problem=problem) from None
    return certificates


@functools.cache
def _ssl_context(certificates: str) -> ssl.SSLContext:
    import certifi

    # The public certificates are certifi's, whatever SSL_CERT_FILE says.
    context = ssl.create_default_context(cafile=certifi.where())
    if certificates:
        context.load_verify_locations(cadata=certificates)
    return context
