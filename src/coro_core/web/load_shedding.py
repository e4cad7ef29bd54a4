"""Who is let in: so many chat requests at once, and none while the server is stopping."""

import asyncio
import itertools
from contextlib import suppress

from starlette.types import ASGIApp, Receive, Scope, Send

from coro_core.api.problems import Kind
from coro_core.server.admission import Admission
from coro_core.web.error_handlers import problem

TURNED_AWAY = "turned_away"
"""Set in a request's state when it was: it has no log line of its own, it is counted."""
RETRY_AFTER_SECONDS = (1, 3)
"""In turn, so that those who were turned away together do not come back together."""
READ_FOR_NOTHING_SECONDS = 1.0
"""How long the body of a request is read that is turned away with its connection."""

_ID = "REQUEST-ID"


class LoadShedder:
    """ASGI middleware that turns chat requests away when they are not let in.

    They get a 503 before their body is read, at a small and constant cost: its bytes are there
    already, and refusals are logged by number. Everything else, `/health` above all, is always let
    in: it costs next to nothing.
    """

    def __init__(self, app: ASGIApp, admission: Admission) -> None:
        self._app = app
        self._admission = admission
        first, last = RETRY_AFTER_SECONDS
        waits = [str(seconds) for seconds in range(first, last + 1)]
        full = f"CORO has {admission.limit} requests at work already"
        self._when_full = itertools.cycle([_Refusal("overloaded", full, wait) for wait in waits])
        self._when_closing = itertools.cycle(
            [
                _Refusal("shutting-down", "CORO is stopping", wait, Connection="close")
                for wait in waits
            ]
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or turn it away."""
        if scope["type"] != "http" or not scope["path"].startswith("/chat"):
            await self._app(scope, receive, send)
            return
        task = asyncio.current_task()
        assert task is not None
        if self._admission.enter(task):
            try:
                await self._app(scope, receive, send)
            except asyncio.CancelledError:
                if not self._admission.over:
                    raise
                task.uncancel()
                await next(self._when_closing).send(scope["state"]["request_id"], send)
            finally:
                self._admission.leave(task)
        else:
            self._admission.turn_away()
            scope["state"][TURNED_AWAY] = True
            refusals = self._when_full
            if self._admission.closing:
                refusals = self._when_closing
                await _read_to_the_end(receive)
            await next(refusals).send(scope["state"]["request_id"], send)


async def _read_to_the_end(receive: Receive) -> None:
    """Read a body for nothing: a connection that is closed before that is reset.

    The client would not get to see why.
    """
    with suppress(TimeoutError):
        async with asyncio.timeout(READ_FOR_NOTHING_SECONDS):
            while (await receive()).get("more_body"):
                pass


class _Refusal:
    """A problem that was put into bytes beforehand, but for the request's id."""

    def __init__(self, kind: Kind, why: str, wait: str, **headers: str) -> None:
        detail = f"{why}; try again in {wait} s."
        reply = problem(_ID, 503, kind, detail, headers={"Retry-After": wait, **headers})
        self._before, self._after = bytes(reply.body).split(_ID.encode())
        self._headers = [pair for pair in reply.raw_headers if pair[0] != b"content-length"]

    async def send(self, request_id: str, send: Send) -> None:
        """Send it. A request's id is harmless in JSON, whoever chose it."""
        body = self._before + request_id.encode() + self._after
        length = (b"content-length", str(len(body)).encode())
        headers = [*self._headers, length]
        await send({"type": "http.response.start", "status": 503, "headers": headers})
        await send({"type": "http.response.body", "body": body})
