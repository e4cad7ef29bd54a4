"""The core's hot path alone: requests through the application, without a socket.

`python -m benchmarks.hotpath N [LEVEL]` serves N requests to the models of `benchmarks.instant` and
ends. It logs from LEVEL on (default `info`). With `bare` for LEVEL it is the route of
`benchmarks.floors` that serves them.
"""

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import uvloop
from fastapi import FastAPI

from benchmarks import floors, instant
from benchmarks.cases import ALL
from coro_core.config.logs import configure_logs
from coro_core.web.app import create_app

BODY = json.dumps({"prompt": "What is 2+2?", "models": instant.MODELS}).encode()
HEADERS = [
    (b"host", b"127.0.0.1"),
    (b"content-type", b"application/json"),
    (b"content-length", str(len(BODY)).encode()),
]


async def request(app: FastAPI) -> None:
    """Make one `POST /chat`. Raises `RuntimeError` for another status than 200."""
    pending = [{"type": "http.request", "body": BODY, "more_body": False}]
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        if pending:
            return pending.pop()
        await asyncio.Event().wait()
        raise AssertionError("unreachable")

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "path": "/chat",
        "raw_path": b"/chat",
        "query_string": b"",
        "root_path": "",
        "scheme": "http",
        "headers": HEADERS,
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8000),
        "state": {},
    }
    await app(scope, receive, send)
    if sent[0]["status"] != 200:
        raise RuntimeError(f"status {sent[0]['status']}")


async def serve(count: int, level: str = "info") -> None:
    """Serve `count` requests, logged as a server does."""
    if level == "bare":
        app = floors.bare()
    else:
        disabled = ",".join(sorted(ALL - {"instant"}))
        app = create_app({"CORO_DISABLED_PLUGINS": disabled, "CORO_DISCOVERY_INTERVAL": "0"})
        configure_logs(format="json", level=level)
    async with app.router.lifespan_context(app):
        for _ in range(count):
            await request(app)


def main() -> None:
    """Serve the number of requests in the argument."""
    with tempfile.TemporaryDirectory() as site:
        instant.install(Path(site))
        sys.path.insert(0, site)
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - for the process's life
        uvloop.run(serve(int(sys.argv[1]), *sys.argv[2:]))


if __name__ == "__main__":
    main()
