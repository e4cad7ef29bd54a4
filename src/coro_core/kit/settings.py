"""Reading a plugin's own settings out of the mapping that the core hands it.

Every function takes the mapping, the variable's name and what to tell the operator, and raises
`NotConfigured` with one clear sentence. No value ever appears in a message.
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

    Only its shape is judged: printable ASCII, not blank, not in quotes, not an example's text. No
    prefix and no length is, because providers change theirs. Raises `NotConfigured`.
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

    It must be https; plain http is taken for this machine's own loopback addresses only, since a
    key travels with every call. Raises `NotConfigured`.
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
    """Tell whether `host` is this machine itself, without asking any resolver."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
