"""A plugin's own settings, read from the mapping that the core passes to it.

Each function raises `NotConfigured` with one clear sentence for the operator. No value ever appears
in a message.
"""

import re
from collections.abc import Callable, Mapping
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

from coro_core.contract.errors import NotConfigured

_PLACEHOLDER = re.compile(
    r"(?i)your[-_].+|your(api)?key.*|<.*>|(change|replace)[-_]?me|placeholder|x{3,}|\.{3,}|todo"
)
NOT_AN_ADDRESS = "is not a valid address"
ODD_CHARACTER = "holds a character that no address has, such as a space or a line break"


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


_PRIVATE_NETWORKS = tuple(
    map(ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"))
)


def base_url(
    environ: Mapping[str, str],
    name: str,
    default: str,
    *,
    help: str | None = None,
    plain_http: Callable[[str], bool] | None = None,
) -> str:
    """Return the address stored under `name`, or `default`, without a slash at the end.

    The address must be https, with an ASCII host. Plain http is accepted for loopback only, since
    every call carries a key. For calls without a key, `plain_http` says which hosts accept it.
    `help` is the remedy in the error; by default it names `default`. Raises `NotConfigured`.
    """
    url = environ.get(name, "").strip() or default
    problem = None
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
        host.encode("idna")
    except ValueError:
        problem = NOT_AN_ADDRESS
    else:
        if parts.scheme not in {"http", "https"} or not host:
            problem = "is not an http or https address"
        elif not url.isprintable() or " " in url:
            problem = ODD_CHARACTER
        elif not parts.netloc.isascii():
            problem = (
                "has a host that is not ASCII; write it in IDNA, such as xn--bcher-kva.example"
            )
        elif "@" in parts.netloc or "?" in url or "#" in url:
            problem = "must hold no user, query or fragment"
        elif parts.scheme == "http" and not (plain_http or is_loopback)(host):
            problem = (
                "is plain http beyond a private network, which would show prompts to others"
                if plain_http
                else "is plain http to another machine, which would show the key to the network"
            )
    if problem:
        help = help or f"use an address such as {default}"
        raise NotConfigured(name, help=help, problem=problem)
    return url.rstrip("/")


def is_private(host: str) -> bool:
    """Return whether `host` is this machine or one of a private network, by its name alone.

    Names are one label (a container's), `.local` (mDNS) or `.internal`, which are
    reserved for private use (RFC 6762; ICANN, 2024-07-29).
    """
    if is_loopback(host):
        return True
    try:
        address = ip_address(host)
    except ValueError:
        # A number is an IPv4 address to a resolver, so it is no name.
        is_name = host != "" and not host.replace(".", "").isdigit() and not host.startswith("0x")
        return is_name and ("." not in host or host.endswith((".local", ".internal")))
    return any(address in net for net in _PRIVATE_NETWORKS if net.version == address.version)


def is_loopback(host: str) -> bool:
    """Return whether `host` is this machine itself, without asking any resolver."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
