"""Run a plugin's coroutines so that their faults and delays stay their own."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import structlog

from coro_core.contract.errors import (
    ERROR_CODES,
    PluginFault,
    ProviderError,
    Timeout,
    bearable_wait,
    describe,
)

T = TypeVar("T")

_log = structlog.get_logger("coro.isolation")


async def isolated(plugin: str, call: Callable[[], Awaitable[T]]) -> T:
    """Return what `call` returns. Raises leaves of `ProviderError`; cancellation passes through.

    Any other exception becomes a `PluginFault`. SystemExit is one of them: raised in a task, it
    would end the server. So is KeyboardInterrupt: on an event loop, Ctrl-C arrives as a
    cancellation or in a signal handler, so this one was raised by the plugin.
    """
    try:
        try:
            return await call()
        except ProviderError as error:
            raise _validated_error(error) from None
    except (ProviderError, asyncio.CancelledError):
        raise
    except BaseException as exc:
        _log.error("plugin fault", plugin=plugin, why=describe(exc))
        raise PluginFault from None


async def isolated_with_timeout(plugin: str, call: Callable[[], Awaitable[T]], seconds: float) -> T:
    """Like `isolated`, but raise `Timeout` after `seconds` and abandon the call."""
    task = asyncio.ensure_future(isolated(plugin, call))
    if await cancel_after(seconds, task) or task.cancelled():
        raise Timeout
    return task.result()


async def cancel_after(seconds: float, *tasks: asyncio.Future[Any]) -> set[asyncio.Future[Any]]:
    """Wait for tasks; after `seconds`, cancel those that are not done, and return them.

    Cancelling the caller cancels them too. The cancelled tasks are not awaited: a task that
    ignores its cancellation is abandoned and holds up nobody.
    """
    late: set[asyncio.Future[Any]] = set()
    try:
        if tasks:
            await asyncio.wait(tasks, timeout=seconds)
    finally:
        for task in tasks:
            if not task.done():
                late.add(task)
                task.cancel()
    return late


def _validated_error(error: ProviderError) -> ProviderError:
    """Return the error if it is a leaf; raise what a plugin's own subclass raises."""
    error.retry_after = bearable_wait(error.retry_after)
    if error.code not in ERROR_CODES or not isinstance(error.message, str):
        raise TypeError("only the leaves of coro_core.contract.errors may be raised")
    return error
