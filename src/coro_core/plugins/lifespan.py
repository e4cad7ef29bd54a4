"""Enter and leave a plugin's context manager in a task of its own, within a time limit."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from coro_core.plugins.isolation import cancel_after


class SelfCancelledError(Exception):
    """The manager cancelled its own task; its caller did not."""


class LifespanTask:
    """An async context manager that is entered and left within one task.

    The task makes time limits possible: a manager that hangs is abandoned, even if it ignores its
    cancellation. A manager that raises `SystemExit` does not end the process.
    """

    def __init__(self, name: str, manager: Callable[[], AbstractAsyncContextManager[None]]) -> None:
        self._name = name
        self._manager = manager
        self._leave = asyncio.Event()
        self._entered = False
        self._failure: BaseException | None = None
        self._progress = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def enter(self, timeout: float) -> None:
        """Enter the manager within `timeout` seconds.

        Raises what the manager raised, of whatever class, but `SelfCancelledError` in place of
        `CancelledError`. Raises `TimeoutError` when the time is over.
        """
        self._task = asyncio.create_task(self._run(), name=f"lifespan of {self._name}")
        try:
            await cancel_after(timeout, asyncio.ensure_future(self._progress.wait()))
        finally:
            if not self._entered:
                self._task.cancel()
        if self._failure is not None:
            raise self._failure
        if not self._entered:
            raise TimeoutError

    async def leave(self, timeout: float) -> None:
        """Leave a manager that was entered, within `timeout` seconds. Raises as `enter` does."""
        self._leave.set()
        if self._task is None or not self._entered:
            return
        if await cancel_after(timeout, self._task):
            raise TimeoutError
        if self._failure is not None:
            raise self._failure

    async def _run(self) -> None:
        try:
            async with self._manager():
                self._entered = True
                self._progress.set()
                await self._leave.wait()
        except asyncio.CancelledError as exc:
            # A bare CancelledError would look like our caller's own cancellation.
            self._failure = SelfCancelledError().with_traceback(exc.__traceback__)
        except BaseException as exc:
            # Raised out of a task, SystemExit and KeyboardInterrupt would end the process. Ctrl-C
            # is not lost: on an event loop it arrives as a cancellation or in a signal handler.
            self._failure = exc
        finally:
            self._progress.set()
