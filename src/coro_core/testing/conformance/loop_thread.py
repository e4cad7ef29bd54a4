"""Event loops in threads of their own: a plugin that blocks its loop does not stop the suite."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any, TypeVar

from coro_core.plugins.isolation import cancel_after
from coro_core.testing.conformance.failure import Failure

T = TypeVar("T")

_SETTLE_SECONDS = 2.0
"""The longest wait for remaining tasks to end; later they are abandoned."""


def run_in_loop_thread(work: Callable[[], Coroutine[Any, Any, T]], seconds: float) -> T:
    """Run a coroutine on a loop in a thread of its own.

    Raises what it raises. Raises `Failure` after `seconds`, and abandons the coroutine.
    """
    outcome: Future[T] = Future()

    async def watched() -> None:
        task = asyncio.ensure_future(work())
        if await cancel_after(seconds, task):
            outcome.set_exception(Failure(f"It did not end within {seconds:g} s."))
        elif task.cancelled():
            outcome.set_exception(Failure("It cancelled its own task."))
        elif (failure := task.exception()) is not None:
            outcome.set_exception(failure)
        else:
            outcome.set_result(task.result())

    def over(failure: Exception | None) -> None:
        if failure is not None:
            outcome.set_exception(failure)

    threading.Thread(target=_run, args=(watched, over), name="contract", daemon=True).start()
    try:
        return outcome.result(seconds + _SETTLE_SECONDS)
    except TimeoutError:
        if outcome.done():
            raise
        raise Failure(f"It blocks the event loop for more than {seconds:g} s.") from None


@asynccontextmanager
async def entered_in_loop_thread(
    manager: Callable[[], AbstractAsyncContextManager[T]],
) -> AsyncIterator[T]:
    """Enter a context manager on a loop in a thread of its own, and leave it there."""
    value: Future[T] = Future()
    ended: Future[None] = Future()
    leave: list[Callable[[], object]] = []

    async def hold() -> None:
        left = asyncio.Event()
        loop = asyncio.get_running_loop()
        leave.append(lambda: loop.call_soon_threadsafe(left.set))
        async with manager() as entered:
            value.set_result(entered)
            await left.wait()

    def over(failure: Exception | None) -> None:
        if failure is None:
            ended.set_result(None)
        else:
            (ended if value.done() else value).set_exception(failure)

    threading.Thread(target=_run, args=(hold, over), name="simulator", daemon=True).start()
    try:
        yield await asyncio.wrap_future(value)
    finally:
        if value.done() and value.exception() is None:
            # If the manager ended by itself, its loop is closed.
            with suppress(RuntimeError):
                leave[0]()
            await asyncio.wrap_future(ended)


def _run(
    work: Callable[[], Coroutine[Any, Any, None]], over: Callable[[Exception | None], None]
) -> None:
    """Run `work`, report its end, and wait `_SETTLE_SECONDS` for the tasks it left behind."""
    loop = asyncio.new_event_loop()
    try:
        over(_failure(loop, work()))
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        if left:
            loop.run_until_complete(asyncio.wait(left, timeout=_SETTLE_SECONDS))
        loop.run_until_complete(loop.shutdown_asyncgens())
    finally:
        loop.close()


def _failure(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, None]) -> Exception | None:
    """Run `work` and return what it raises, if anything."""
    try:
        loop.run_until_complete(work)
    except Exception as exc:
        return exc
    except BaseException as exc:
        # SystemExit and KeyboardInterrupt in any task end the loop. asyncio would log every
        # remaining task.
        loop.set_exception_handler(lambda loop, context: None)
        return Failure(f"It raises {type(exc).__name__}, which ends a process.")
    return None
