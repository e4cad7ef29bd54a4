"""Reading a request: bounded in size and time, strict in form, dropped when the client leaves."""

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

READ_FOR_NOTHING = 10
"""How many times the largest body are read of one that is larger, before it is cut off."""


class StrictRequest(Request):
    """A request whose body is read with care."""

    async def body(self) -> bytes:
        """Return the body. Raises a problem when it is too large (413) or too slow (408)."""
        if not hasattr(self, "_body"):
            self._body = await self._read(self.app.state.engine.settings)
        return self._body

    async def json(self) -> Any:
        """Return the body as JSON, without what JSON does not have. Raises a problem (422)."""
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
                # Counted while receiving: a length may be missing, or a lie. What is too large is
                # still read for a while, and dropped: a connection that is closed before is reset,
                # and the client does not get to see why.
                async for chunk in self.stream():
                    size += len(chunk)
                    too_large = too_large or size > limit
                    if not too_large:
                        chunks.append(chunk)
                    elif size > limit * READ_FOR_NOTHING:
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
        """Return FastAPI's handler, given our kind of request."""
        handler = super().get_route_handler()

        async def strict(request: Request) -> Response:
            request = StrictRequest(request.scope, request.receive)
            if self.body_field:
                # Here and not by FastAPI, which takes a client that leaves for a bad request.
                await request.body()
            return await handler(request)

        return strict


async def unless_gone(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Return what `work` returns, or cancel it as soon as the client has gone.

    Raises `ClientDisconnect` then. The request's body must have been read.
    """
    # The work stays in the request's own task, with one beside it: tasks cost.
    task = asyncio.current_task()
    assert task is not None

    def leave(_: asyncio.Task[None]) -> None:
        task.cancel()

    gone = asyncio.create_task(_gone(request))
    gone.add_done_callback(leave)
    try:
        return await work
    except asyncio.CancelledError:
        if not gone.done():
            raise
        task.uncancel()
        raise ClientDisconnect from None
    finally:
        gone.remove_done_callback(leave)
        gone.cancel()


async def _gone(request: Request) -> None:
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
        # Half a surrogate pair can be written in JSON, and can be sent on to nobody.
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
    """JSON as Python reads it, but not as the standard has it; the message says why."""


def _no_constant(_: str) -> Any:
    raise _RefusedError("NaN and Infinity are not JSON")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise _RefusedError("a field is named twice")
    return value
