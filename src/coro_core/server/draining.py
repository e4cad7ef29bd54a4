"""Draining: the process finishes the requests in flight before it ends."""

import asyncio
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from types import FrameType
from typing import Any

import structlog

from coro_core.config.logs import finish_logs
from coro_core.server.admission import Admission

MIN_DRAIN_SECONDS = 0.2
"""Time for connections that the system accepted before the signal and nobody has read yet."""

Handlers = Mapping[signal.Signals, Any]
"""For each signal a handler as `signal.signal` takes it."""

_log = structlog.get_logger("coro")


def stop_handlers() -> Handlers:
    """Return the current handlers of the signals that stop a process.

    SIGHUP, of a terminal that closes, is handled as SIGTERM. nohup ignores it, and so do we then.
    """
    stops = {sig: signal.getsignal(sig) for sig in (signal.SIGTERM, signal.SIGINT)}
    if sys.platform != "win32" and signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
        stops[signal.SIGHUP] = stops[signal.SIGTERM]
    return stops


@contextmanager
def draining(admission: Admission, grace: float, handlers: Handlers) -> Iterator[None]:
    """Finish the requests in flight, within `grace` seconds, before the server stops listening.

    The first signal rejects new chat requests and waits for those in flight. Requests that outlast
    the grace are answered that the server is stopping. Then the server's own handler, from
    `handlers`, gets the signal. A second signal ends the process at once.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    parent = multiprocessing.parent_process()
    tasks: set[asyncio.Task[None]] = set()
    seen: set[int] = set()

    async def drain(sig: int, frame: FrameType | None) -> None:
        try:
            async with asyncio.timeout(grace):
                await asyncio.sleep(MIN_DRAIN_SECONDS)
                await admission.wait_idle()
        except TimeoutError:
            _log.warning("requests cut off by the stop", count=admission.in_flight)
            admission.cancel_remaining()
        if callable(handler := handlers[signal.Signals(sig)]):
            handler(sig, frame)

    def on_signal(sig: int, frame: FrameType | None) -> None:
        # A worker under a terminal gets one signal from it and another kind from its parent.
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

    for sig in handlers:
        signal.signal(sig, on_signal)
    if parent is not None:
        threading.Thread(target=_follow, args=(parent,), name="coro-parent", daemon=True).start()
    try:
        yield
    finally:
        for sig, handler in handlers.items():
            signal.signal(sig, handler)


def _follow(parent: BaseProcess) -> None:
    """Stop this worker if its parent was killed: it would hold the port, unsupervised."""
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)
