"""Awaiting a stranger's coroutine: what comes out is a result or one of our own errors."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

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

_log = structlog.get_logger("coro.guard")


async def isolated(plugin: str, call: Callable[[], Awaitable[T]]) -> T:
    """Return what `call` returns. Raises `ProviderError` leaves; cancellation passes through.

    Anything else becomes a `PluginFault`: SystemExit and its kind as well, which would end the
    server if they were let out of a task.
    """
    try:
        try:
            return await call()
        except ProviderError as error:
            raise _sound(error) from None
    except (ProviderError, asyncio.CancelledError):
        raise
    except BaseException as exc:
        _log.error("plugin fault", plugin=plugin, why=describe(exc))
        raise PluginFault from None


async def isolated_with_timeout(plugin: str, call: Callable[[], Awaitable[T]], seconds: float) -> T:
    """Do the same for at most so many seconds. Raises `Timeout` then, and abandons the call."""
    task = asyncio.ensure_future(isolated(plugin, call))
    try:
        await asyncio.wait({task}, timeout=seconds)
    finally:
        task.cancel()
    if not task.done() or task.cancelled():
        raise Timeout
    return task.result()


def _sound(error: ProviderError) -> ProviderError:
    """Return an error if it is one of the leaves. Raises what a plugin's own kind of error does."""
    error.retry_after = bearable_wait(error.retry_after)
    if error.code not in ERROR_CODES or not isinstance(error.message, str):
        raise TypeError("only the leaves of coro_core.contract.errors may be raised")
    return error
