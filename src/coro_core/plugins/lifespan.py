"""Context managers of strangers, each in a task of its own, so that none can hold up the others."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager


class SelfCancelledError(Exception):
    """A manager that was cancelled, and not by who enters or leaves it."""


class LifespanTask:
    """An async context manager that is entered and left within one task.

    The task is what makes bounds possible: a manager that hangs is abandoned, whatever it does with
    cancellation, and one that raises `SystemExit` does not end the process.
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

        Raises what it raised, of whatever class, but `SelfCancelledError` in place of
        `CancelledError`; or `TimeoutError`.
        """
        self._task = asyncio.create_task(self._run(), name=f"lifespan of {self._name}")
        waiter = asyncio.ensure_future(self._progress.wait())
        try:
            await asyncio.wait({waiter}, timeout=timeout)
        finally:
            waiter.cancel()
            if not self._entered:
                self._task.cancel()
        if self._failure is not None:
            raise self._failure
        if not self._entered:
            raise TimeoutError

    async def leave(self, timeout: float) -> None:
        """Leave a manager that was entered within `timeout` seconds. Raises as `enter` does."""
        self._leave.set()
        if self._task is None or not self._entered:
            return
        await asyncio.wait({self._task}, timeout=timeout)
        if not self._task.done():
            self._task.cancel()
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
            # As it is, it would pass for the cancellation of who enters or leaves.
            self._failure = SelfCancelledError().with_traceback(exc.__traceback__)
        except BaseException as exc:
            # Kept, not raised: out of a task, SystemExit would end the process.
            self._failure = exc
        finally:
            self._progress.set()
