"""A plugin's own settings, read from the mapping that the core passes to it.

Each function raises `NotConfigured` with one clear sentence for the operator. No value ever appears
in a message.
"""

import re
from collections.abc import Mapping
from ipaddress import ip_address
from urllib.parse import urlsplit

from coro_core.contract.errors import NotConfigured

_PLACEHOLDER = re.compile(
    r"(?i)your[-_].+|your(api)?key.*|<.*>|(change|replace)[-_]?me|placeholder|x{3,}|\.{3,}|todo"
)


def api_key(environ: Mapping[str, str], name: str, *, help: str) -> str:
    """Return the key stored under `name`, without surrounding white space.

    A key is printable ASCII without blanks, not in quotes and not an example's text. Prefix and
    length are not checked, because providers change theirs. Raises `NotConfigured`.
    """
    key = environ.get(name, "").strip()
    problem = None
    if not key:
        problem = "is set but blank" if name in environ else "is not set"
    elif key[0] in "\"'" or key[-1] in "\"'":
        problem = "has quotation marks around it"
    elif not key.isascii() or not key.isprintable() or " " in key:
        problem = "holds a character that no key has, such as a space, a line break or an accent"
    elif _PLACEHOLDER.fullmatch(key):
        problem = "still holds the example's text"
    if problem:
        raise NotConfigured(name, help=help, problem=problem)
    return key


def base_url(environ: Mapping[str, str], name: str, default: str) -> str:
    """Return the address stored under `name`, or `default`, without a slash at the end.

    The address must be https; plain http is accepted for loopback only, since every call carries a
    key. Raises `NotConfigured`.
    """
    url = environ.get(name, "").strip() or default
    problem = None
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
        host.encode("idna")
    except ValueError:
        problem = "is not a valid address"
    else:
        if parts.scheme not in {"http", "https"} or not host:
            problem = "is not an http or https address"
        elif not url.isprintable() or " " in url:
            problem = "holds a character that no address has, such as a space or a line break"
        elif "@" in parts.netloc or "?" in url or "#" in url:
            problem = "must hold no user, query or fragment"
        elif parts.scheme == "http" and not is_loopback(host):
            problem = "is plain http to another machine, which would show the key to the network"
    if problem:
        raise NotConfigured(name, help=f"use an address such as {default}", problem=problem)
    return url.rstrip("/")


def is_loopback(host: str) -> bool:
    """Return whether `host` is this machine itself, without asking any resolver."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
