"""Request reading: limits on size and time, strict JSON, cancellation when the client leaves."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect

from coro_core.config.settings import Settings
from coro_core.web.error_handlers import ProblemError

T = TypeVar("T")

MAX_DISCARDED_BODIES = 10
"""Limit of a body that is too large, in sizes of the largest one accepted. Beyond it the server
stops reading and closes the connection."""


class StrictRequest(Request):
    """A request whose body has limits on size and time and must be strict JSON."""

    async def body(self) -> bytes:
        """Return the body. Raises a problem if it is too large (413) or too slow (408)."""
        if not hasattr(self, "_body"):
            self._body = await self._read(self.app.state.engine.settings)
        return self._body

    async def json(self) -> Any:
        """Return the body as standard JSON. Raises a problem (422)."""
        if not hasattr(self, "_json"):
            self._json = _parse(await self.body())
        return self._json

    async def _read(self, settings: Settings) -> bytes:
        chunks: list[bytes] = []
        limit, size = settings.max_body_bytes, 0
        too_large = self._declares_more_than(limit)
        if too_large and "expect" in self.headers:
            raise _too_large(limit)
        try:
            async with asyncio.timeout(settings.body_timeout):
                # Count while receiving: Content-Length may be missing or wrong. Read and discard
                # the rest of a body that is too large: closing the connection before its end
                # would reset it, and the client would not see the reply.
                async for chunk in self.stream():
                    size += len(chunk)
                    too_large = too_large or size > limit
                    if not too_large:
                        chunks.append(chunk)
                    elif size > limit * MAX_DISCARDED_BODIES:
                        break
        except TimeoutError:
            if not too_large:
                raise _too_slow(settings.body_timeout) from None
        if too_large:
            raise _too_large(limit)
        return b"".join(chunks)

    def _declares_more_than(self, limit: int) -> bool:
        declared = self.headers.get("content-length", "")
        return declared.isdecimal() and (len(declared) > 18 or int(declared) > limit)


class StrictRoute(APIRoute):
    """A route that reads its requests as `StrictRequest`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return FastAPI's handler, called with a `StrictRequest`."""
        handler = super().get_route_handler()

        async def strict(request: Request) -> Response:
            request = StrictRequest(request.scope, request.receive)
            if self.body_field:
                # Read before FastAPI: FastAPI reports a client that leaves as a bad request.
                await request.body()
            return await handler(request)

        return strict


async def cancel_on_disconnect(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Return the result of `work`, or cancel it as soon as the client disconnects.

    Raises `ClientDisconnect` then. The request's body must have been read.
    """
    # Run the work in the request's own task and only the wait in another: tasks cost time.
    task = asyncio.current_task()
    assert task is not None
    finished = cancelled = False

    def cancel(_: asyncio.Task[None]) -> None:
        # The loop may call this after the work returned; a cancellation would hit the reply.
        nonlocal cancelled
        if not finished:
            cancelled = True
            task.cancel()

    disconnect = asyncio.create_task(wait_disconnect(request))
    disconnect.add_done_callback(cancel)
    try:
        return await work
    except asyncio.CancelledError:
        if not cancelled or task.cancelling() > 1:
            raise
        raise ClientDisconnect from None
    finally:
        finished = True
        if cancelled:
            task.uncancel()
        disconnect.cancel()


async def wait_disconnect(request: Request) -> None:
    """Wait until the client has disconnected."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _too_large(limit: int) -> ProblemError:
    return ProblemError(
        413,
        "body-too-large",
        f"The body is larger than {limit} bytes; shorten the prompt.",
        headers={"Connection": "close"},
    )


def _too_slow(seconds: float) -> ProblemError:
    return ProblemError(
        408,
        "body-too-slow",
        f"The body did not arrive within {seconds:g} s; send it again.",
        headers={"Connection": "close"},
    )


def _parse(body: bytes) -> Any:
    try:
        text = body.decode("utf-8")
        value = json.loads(text, parse_constant=_no_constant, object_pairs_hook=_unique)
        # JSON can contain half a surrogate pair, which no provider can be sent.
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode()
    except UnicodeError:
        why = "it is not UTF-8 text"
    except _RefusedError as exc:
        why = str(exc)
    except (ValueError, RecursionError):
        why = "it cannot be parsed"
    else:
        return value
    raise ProblemError(
        422,
        "invalid-request",
        f"The body is not JSON that can be used: {why}.",
        errors=[("body", why)],
    )


class _RefusedError(Exception):
    """JSON that Python accepts and the standard does not; the message says why."""


def _no_constant(_: str) -> Any:
    raise _RefusedError("NaN and Infinity are not JSON")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise _RefusedError("a field is named twice")
    return value
