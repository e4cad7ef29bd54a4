"""Who is let in: so many chat requests at once, and none while the server is stopping."""

import asyncio
import itertools
from contextlib import suppress
from contextvars import Context
from typing import Any

import structlog
from starlette.types import ASGIApp, Receive, Scope, Send

from coro_core.web.problems import Kind, problem

TURNED_AWAY = "turned_away"
"""Set in a request's state when it was: it has no log line of its own, it is counted."""
TELL_SECONDS = 5.0
"""How long refusals are counted before the log tells their number."""
RETRY_AFTER_SECONDS = (1, 3)
"""In turn, so that those who were turned away together do not come back together."""
READ_FOR_NOTHING_SECONDS = 1.0
"""How long the body of a request is read that is turned away with its connection."""

_ID = "REQUEST-ID"
_log = structlog.get_logger("coro")


class Admission:
    """How many chat requests are at work, and whether more are let in."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.closing = False
        self.over = False
        """Whether those at work were cut off: the time that a stop may take is up."""
        self._at_work: set[asyncio.Task[Any]] = set()
        self._idle = asyncio.Event()
        self._idle.set()
        self._turned_away = 0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def in_flight(self) -> int:
        """How many are at work."""
        return len(self._at_work)

    def enter(self, task: asyncio.Task[Any]) -> bool:
        """Let one in, if there is room; it must `leave`."""
        if self.closing or len(self._at_work) >= self.limit:
            return False
        self._at_work.add(task)
        self._idle.clear()
        return True

    def leave(self, task: asyncio.Task[Any]) -> None:
        """Make room for another."""
        self._at_work.discard(task)
        if not self._at_work:
            self._idle.set()

    def cut_off(self) -> None:
        """Cancel what is still at work; each is answered that the server is stopping."""
        self.over = True
        for task in self._at_work:
            task.cancel()

    def turn_away(self) -> None:
        """Count one that was not let in; the log tells how many there were, once in a while."""
        self._turned_away += 1
        if self._timer is None:
            # In a context of its own: the line is not about the request that came first.
            self._timer = asyncio.get_running_loop().call_later(
                TELL_SECONDS, self.tell, context=Context()
            )

    def tell(self) -> None:
        """Tell in the log how many were turned away since it was last told, if any."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            _log.warning(
                "chat requests turned away",
                count=self._turned_away,
                in_flight=self.in_flight,
                limit=self.limit,
                stopping=self.closing,
            )
            self._turned_away = 0

    async def drained(self) -> None:
        """Wait until nothing is at work any more."""
        await self._idle.wait()


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
