"""Requests and replies of a simulated server, and their bytes."""

import json
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field

from coro_core.contract.behaviour import Fault


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request; header names are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class HttpReply:
    """One reply; `fault` breaks its sending, `raw` replaces it byte for byte."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    fault: Fault | None = None
    raw: AsyncGenerator[bytes, None] | None = None


def json_reply(
    content: object, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> HttpReply:
    """Return a reply with a JSON body."""
    return HttpReply(
        json.dumps(content).encode(),
        status,
        {"content-type": "application/json", **(headers or {})},
    )


def head(reply: HttpReply, length: int | None) -> bytes:
    """Return the status line and headers; without `length`, the connection's end ends the body."""
    headers = dict(reply.headers)
    headers.update({"connection": "close"} if length is None else {"content-length": str(length)})
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {reply.status} Simulated\r\n{lines}\r\n".encode("latin-1")
