"""Turning requests away when there are too many, before they cost anything."""

import random

from starlette.types import ASGIApp, Receive, Scope, Send

from coro_core.web.problems import problem

RETRY_AFTER_SECONDS = (1, 3)
"""Some chance, so that those who were turned away together do not come back together."""


class LoadShedder:
    """ASGI middleware that lets so many chat requests in at once, and no more.

    The others get a 503 before their body is read. Everything else, `/health` above all, is always
    let in: it costs next to nothing.
    """

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app = app
        self._limit = limit
        self._in_flight = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or turn it away."""
        if scope["type"] != "http" or not scope["path"].startswith("/chat"):
            await self._app(scope, receive, send)
            return
        if self._in_flight >= self._limit:
            wait = str(random.randint(*RETRY_AFTER_SECONDS))  # noqa: S311 - nothing secret
            reply = problem(
                scope["state"]["request_id"],
                503,
                "overloaded",
                f"CORO has {self._limit} requests at work already; try again in {wait} s.",
                headers={"Retry-After": wait},
            )
            await reply(scope, receive, send)
            return
        self._in_flight += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._in_flight -= 1
