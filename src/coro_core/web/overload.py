"""Who is let in: so many chat requests at once, and none while the server is stopping."""

import asyncio
import multiprocessing
import os
import random
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from multiprocessing.process import BaseProcess
from types import FrameType
from typing import Any

import structlog
from starlette.types import ASGIApp, Receive, Scope, Send

from coro_core.logs import finish_logs
from coro_core.web.problems import Kind, problem

RETRY_AFTER_SECONDS = (1, 3)
"""Some chance, so that those who were turned away together do not come back together."""
LEAST_DRAIN_SECONDS = 0.2
"""For connections that the system had accepted before the signal came, and nobody had read yet."""

HOLD_SECONDS = 1.0
"""How often it is looked whether the signals are still ours."""

Handlers = Mapping[signal.Signals, Any]
"""For each signal, what `signal.signal` takes."""

_log = structlog.get_logger("coro")


class Admission:
    """How many chat requests are at work, and whether more are let in."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.in_flight = 0
        self.closing = False
        self._idle = asyncio.Event()
        self._idle.set()

    def enter(self) -> bool:
        """Let one in, if there is room; it must `leave`."""
        if self.closing or self.in_flight >= self.limit:
            return False
        self.in_flight += 1
        self._idle.clear()
        return True

    def leave(self) -> None:
        """Make room for another."""
        self.in_flight -= 1
        if not self.in_flight:
            self._idle.set()

    async def drained(self) -> None:
        """Wait until nothing is at work any more."""
        await self._idle.wait()


class LoadShedder:
    """ASGI middleware that turns chat requests away when they are not let in.

    They get a 503 before their body is read. Everything else, `/health` above all, is always let
    in: it costs next to nothing.
    """

    def __init__(self, app: ASGIApp, admission: Admission) -> None:
        self._app = app
        self._admission = admission

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or turn it away."""
        if scope["type"] != "http" or not scope["path"].startswith("/chat"):
            await self._app(scope, receive, send)
        elif self._admission.enter():
            try:
                await self._app(scope, receive, send)
            finally:
                self._admission.leave()
        else:
            await self._turn_away(scope, receive, send)

    async def _turn_away(self, scope: Scope, receive: Receive, send: Send) -> None:
        wait = str(random.randint(*RETRY_AFTER_SECONDS))  # noqa: S311 - nothing secret
        headers = {"Retry-After": wait}
        kind: Kind = "overloaded"
        why = f"CORO has {self._admission.limit} requests at work already"
        if self._admission.closing:
            headers["Connection"] = "close"
            kind, why = "shutting-down", "CORO is stopping"
        reply = problem(
            scope["state"]["request_id"],
            503,
            kind,
            f"{why}; try again in {wait} s.",
            headers=headers,
        )
        await reply(scope, receive, send)


def stop_handlers() -> Handlers:
    """Return what now handles the signals that stop a process."""
    return {sig: signal.getsignal(sig) for sig in (signal.SIGTERM, signal.SIGINT)}


@contextmanager
def draining(admission: Admission, grace: float, handlers: Handlers) -> Iterator[None]:
    """Finish what is at work before the server stops listening, within `grace` seconds.

    A server that closes its listening socket at the signal resets the connections that the system
    has accepted meanwhile. So the signal is first ours: chat requests are turned away with a
    sentence, those at work are answered, and then the server's own handler, out of `handlers`,
    gets the signal. A second signal ends the process at once. A plugin that takes the signals over
    has them for a second at most.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    parent = multiprocessing.parent_process()
    tasks: set[asyncio.Task[None]] = set()
    seen: set[int] = set()

    async def drain(sig: int, frame: FrameType | None) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(grace):
                await asyncio.sleep(LEAST_DRAIN_SECONDS)
                await admission.drained()
        if callable(handler := handlers[signal.Signals(sig)]):
            handler(sig, frame)

    def on_signal(sig: int, frame: FrameType | None) -> None:
        # From a terminal a worker gets one signal itself, and another kind from its parent.
        again = sig in seen or (bool(seen) and parent is None)
        seen.add(sig)
        if again:
            _log.warning("stopped at once by a second signal")
            finish_logs()
            signal.signal(sig, signal.SIG_DFL)
            signal.raise_signal(sig)
        elif not admission.closing:
            admission.closing = True
            loop.call_soon_threadsafe(lambda: tasks.add(loop.create_task(drain(sig, frame))))

    async def hold() -> None:
        while True:
            for sig in handlers:
                if signal.signal(sig, on_signal) is not on_signal:
                    _log.warning("a plugin had taken over a signal", signal=sig.name)
            await asyncio.sleep(HOLD_SECONDS)

    for sig in handlers:
        signal.signal(sig, on_signal)
    holding = asyncio.create_task(hold())
    if parent is not None:
        threading.Thread(target=_follow, args=(parent,), name="coro-parent", daemon=True).start()
    try:
        yield
    finally:
        holding.cancel()
        for sig, handler in handlers.items():
            signal.signal(sig, handler)


def _follow(parent: BaseProcess) -> None:
    """Stop a worker whose parent was killed: it would hold the port, and nobody would know it."""
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)
