"""The end of the process: what is at work is finished first."""

import asyncio
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from types import FrameType
from typing import Any

import structlog

from coro_core.config.logs import finish_logs
from coro_core.server.admission import Admission

LEAST_DRAIN_SECONDS = 0.2
"""For connections that the system had accepted before the signal came, and nobody had read yet."""

Handlers = Mapping[signal.Signals, Any]
"""For each signal, what `signal.signal` takes."""

_log = structlog.get_logger("coro")


def stop_handlers() -> Handlers:
    """Return what now handles the signals that stop a process."""
    return {sig: signal.getsignal(sig) for sig in (signal.SIGTERM, signal.SIGINT)}


@contextmanager
def draining(admission: Admission, grace: float, handlers: Handlers) -> Iterator[None]:
    """Finish what is at work before the server stops listening, within `grace` seconds.

    A server that closes its listening socket at the signal resets the connections that the system
    has accepted meanwhile. So the signal is first ours: chat requests are turned away with a
    sentence, those at work are answered, and then the server's own handler, out of `handlers`,
    gets the signal. What is still at work after the grace is told that the server is stopping. A
    second signal ends the process at once.
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
                await asyncio.sleep(LEAST_DRAIN_SECONDS)
                await admission.drained()
        except TimeoutError:
            _log.warning("requests cut off by the stop", count=admission.in_flight)
            admission.cut_off()
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
    """Stop a worker whose parent was killed: it would hold the port, and nobody would know it."""
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)
