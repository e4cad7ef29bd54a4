"""What every client of the kit has in common: its limits, what it says of itself, its TLS."""

import functools
import ssl
from collections.abc import Mapping
from importlib.metadata import version

import certifi

MAX_REPLY_BYTES = 2 * 1024 * 1024
"""The largest reply that is read; the longest answer a model may give is far smaller."""
CONNECT_SECONDS = 3.0
"""How long a connection may take, TLS included. The call's own deadline is the core's business."""
MAX_CONNECTIONS = 2048
"""For one client: eight calls for each of the chat requests that are at work at once by default."""
IDLE_SECONDS = 30.0
"""How long an unused connection is kept; providers close theirs after a minute or more."""
NOT_TRUSTED = "Its TLS certificate or protocol was not accepted."


def headers() -> Mapping[str, str]:
    """Return the headers that every request carries."""
    return {
        "User-Agent": f"coro/{version('coro-core')}",
        "Accept": "application/json",
        "Accept-Encoding": "identity",
    }


@functools.cache
def ssl_context() -> ssl.SSLContext:
    """Build the one context of the process: it takes tens of milliseconds.

    The certificates are certifi's, whatever `SSL_CERT_FILE` says.
    """
    return ssl.create_default_context(cafile=certifi.where())
