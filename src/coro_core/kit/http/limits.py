"""The limits of every client of the kit, and the headers of every request."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version

MAX_REPLY_BYTES = 2 * 1024 * 1024
"""Size limit of a reply in bytes. The longest answer that a model may give is far smaller."""
MAX_HEAD_BYTES = 64 * 1024
"""Size limit in bytes of the status line and headers, interim replies included."""
FRAMING_FACTOR = 8
"""Bytes on the wire per byte of a body, at most: a chunk of one byte takes six."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one client; the core's deadline bounds everything else."""

    max_connections: int = 2048
    """Connections at the same time. A further call waits `connect_seconds`, then is a `Timeout`.

    Enough for eight calls each of the 256 chat requests that may be in flight by default.
    """
    connect_seconds: float = 3.0
    """Seconds for a connection, name lookup and TLS included. Then the call is a `Timeout`."""
    idle_seconds: float = 30.0
    """Seconds until an unused connection is closed. Providers close theirs after a minute."""


def request_headers() -> Mapping[str, str]:
    """Return the headers that every request carries."""
    return {
        "User-Agent": f"coro/{version('coro-core')}",
        "Accept": "application/json",
        "Accept-Encoding": "identity",
    }
