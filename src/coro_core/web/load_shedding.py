"""Load shedding: chat requests beyond the limit, or during a stop, are rejected with a 503."""

import asyncio
import itertools
from contextlib import suppress

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from coro_core.api.problems import Kind
from coro_core.server.admission import Admission
from coro_core.web.error_handlers import problem

REJECTED = "rejected"
"""Key in the state of a rejected request, which has no log line: rejections are counted."""
RETRY_AFTER_SECONDS = (1, 3)
"""Range of `Retry-After`, used in turn: clients rejected together come back apart."""
DISCARD_SECONDS = 1.0
"""Time for reading the body of a rejected request whose connection is closed."""

_ID = "REQUEST-ID"


class LoadShedder:
    """ASGI middleware that rejects the chat requests that are not admitted.

    A rejection is sent before the request's body is read, and its cost is small and constant: the
    reply is rendered beforehand and has no log line. All other requests, such as `/health`, are
    always served.
    """

    def __init__(self, app: ASGIApp, admission: Admission) -> None:
        self._app = app
        self._admission = admission
        first, last = RETRY_AFTER_SECONDS
        waits = [str(seconds) for seconds in range(first, last + 1)]
        full = f"CORO has {admission.limit} requests in flight already"
        self._when_full = itertools.cycle([_Rejection("overloaded", full, wait) for wait in waits])
        self._when_closing = itertools.cycle(
            [
                _Rejection("shutting-down", "CORO is stopping", wait, Connection="close")
                for wait in waits
            ]
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or reject it."""
        if scope["type"] != "http" or not scope["path"].startswith("/chat"):
            await self._app(scope, receive, send)
            return
        task = asyncio.current_task()
        assert task is not None
        if self._admission.try_acquire(task):
            try:
                await self._serve(task, scope, receive, send)
            finally:
                self._admission.release(task)
        else:
            await self._reject(scope, receive, send)

    async def _serve(
        self, task: asyncio.Task[object], scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Serve an admitted request. The end of a stop may cut it off."""
        begun = False

        async def send_and_note(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, send_and_note)
        except asyncio.CancelledError:
            if not self._admission.expired:
                raise
            task.uncancel()
            # A reply that has begun cannot be replaced; the server closes its connection.
            if not begun:
                await next(self._when_closing).send(scope["state"]["request_id"], send)

    async def _reject(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._admission.reject()
        scope["state"][REJECTED] = True
        rejections = self._when_full
        if self._admission.closing:
            rejections = self._when_closing
            await _discard_body(receive)
        await next(rejections).send(scope["state"]["request_id"], send)


async def _discard_body(receive: Receive) -> None:
    """Read a body and drop it.

    Closing the connection before the body's end would reset it, and the client would not see the
    reply.
    """
    with suppress(TimeoutError):
        async with asyncio.timeout(DISCARD_SECONDS):
            while (await receive()).get("more_body"):
                pass


class _Rejection:
    """A problem rendered beforehand, except for the request's id."""

    def __init__(self, kind: Kind, why: str, wait: str, **headers: str) -> None:
        detail = f"{why}; try again in {wait} s."
        reply = problem(_ID, 503, kind, detail, headers={"Retry-After": wait, **headers})
        self._before, self._after = bytes(reply.body).split(_ID.encode())
        self._headers = [pair for pair in reply.raw_headers if pair[0] != b"content-length"]

    async def send(self, request_id: str, send: Send) -> None:
        """Send the reply. A request's id needs no escaping in JSON, even if a client chose it."""
        body = self._before + request_id.encode() + self._after
        length = (b"content-length", str(len(body)).encode())
        headers = [*self._headers, length]
        await send({"type": "http.response.start", "status": 503, "headers": headers})
        await send({"type": "http.response.body", "body": body})
