"""The aiohttp session that both clients of the kit share.

It follows no redirect, keeps no cookie, obeys no proxy variable, sends no request twice and refuses
compressed replies. Connections are closed as soon as a call is cancelled or a server misbehaves.
"""

import asyncio
import functools
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.streams import StreamReader

from coro_core.contract.errors import ConnectionFailed, InvalidResponse, ProviderError, Timeout
from coro_core.kit.http.limits import FRAMING_FACTOR, MAX_HEAD_BYTES, Limits
from coro_core.kit.http.reply import response_too_large
from coro_core.kit.networking import CA_FILE, PROXY, Network

TLS_REJECTED = (
    f"Its TLS certificate or protocol was not accepted; behind a company proxy, set {CA_FILE}."
)
_READ_BUFFER_BYTES = 64 * 1024
"""Unread bytes of one reply from which its connection is paused."""


@asynccontextmanager
async def open_session(
    base_url: str,
    *,
    network: Network,
    limits: Limits,
    max_reply_bytes: int,
    headers: Mapping[str, str] | None = None,
) -> AsyncIterator[aiohttp.ClientSession]:
    """Open a session for one server; calls raise `ConnectionFailed`, `Timeout`, `InvalidResponse`.

    `max_reply_bytes` bounds the bytes on the wire; the reader of a body enforces it exactly.
    """
    secure = base_url.lower().startswith("https:")
    # In a thread: it takes tens of milliseconds. A session for plain http needs none.
    context = await asyncio.to_thread(network.ssl_context) if secure else True
    connector = aiohttp.TCPConnector(
        limit=limits.max_connections,
        keepalive_timeout=limits.idle_seconds,
        ssl=context,
        # Left out, it depends on whether aiodns is installed.
        resolver=aiohttp.ThreadedResolver(),
    )
    # aiohttp has no public way to its protocol; the tests show that this one is taken.
    connector._factory = functools.partial(  # type: ignore[assignment]
        _BoundedProtocol, asyncio.get_running_loop(), max_reply_bytes
    )
    async with aiohttp.ClientSession(
        connector=connector,
        headers=headers,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(
            total=None, connect=limits.connect_seconds, sock_connect=limits.connect_seconds
        ),
        trust_env=False,
        auto_decompress=False,
        read_bufsize=_READ_BUFFER_BYTES,
        # Plain http is for loopback, which no proxy reaches.
        proxy=network.proxy if secure else None,
        middlewares=(_guard,),
    ) as session:
        yield session


async def _guard(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Return a reply that has begun well. Raises `ProviderError`.

    aiohttp repeats a GET on a connection that died, unless the error is none of its own.
    """
    try:
        reply = await handler(request)
    except Exception as exc:
        raise _provider_error(exc) from None
    error: ProviderError
    if reply.status < 200:
        # A switch of protocols, which nobody asked for.
        error = ConnectionFailed(retryable=False)
    elif reply.headers.get("Content-Encoding", "").strip().lower() not in {"", "identity"}:
        error = InvalidResponse("It was compressed although that was not asked for.")
    else:
        return reply
    reply.close()
    raise error


def _provider_error(exc: Exception) -> ProviderError:
    """Map a failure before a reply began."""
    if isinstance(exc, TimeoutError):
        return Timeout("The connection could not be made in time.")
    if isinstance(exc, aiohttp.ClientHttpProxyError):
        if exc.status == 407:
            return ConnectionFailed(f"The proxy refused the user of {PROXY}.", retryable=False)
        detail = f"The proxy of {PROXY} did not connect to it."
        return ConnectionFailed(detail, retryable=exc.status >= 500)
    if isinstance(exc, aiohttp.ClientProxyConnectionError):
        return ConnectionFailed(f"The proxy of {PROXY} could not be reached.")
    if isinstance(exc, aiohttp.ClientSSLError):
        return ConnectionFailed(TLS_REJECTED, retryable=False)
    # A reply that is no HTTP would be none the next time either.
    return ConnectionFailed(retryable=not isinstance(exc, aiohttp.ClientResponseError))


class _BoundedProtocol(ResponseHandler):
    """aiohttp's connection, with a limit on bytes, and closed when its server speaks unasked."""

    def __init__(self, loop: asyncio.AbstractEventLoop, max_reply_bytes: int) -> None:
        super().__init__(loop)
        self._max_reply_bytes = max_reply_bytes
        self._received = 0
        self._asked = False
        self._body: StreamReader | None = None
        """Body of the reply to the last request, once the reply has begun."""

    def set_response_params(self, **params: Any) -> None:
        """Prepare for the reply to one request."""
        self._received = 0
        self._asked = True
        self._body = None
        super().set_response_params(**params)

    def feed_data(self, data: Any, size: int = 0) -> None:
        """Take a reply's head; a second reply to one request ends the connection."""
        message, body = data
        if self._body is not None:
            # It would be taken for the reply to the next request.
            self.close()
            return
        if message.code >= 200 or message.code == 101:
            self._body = body
        super().feed_data(data, size)

    def data_received(self, data: bytes) -> None:
        """Read on, unless nothing was asked or too much was sent."""
        body = self._body
        if data and (not self._asked or (body is not None and body.is_eof())):
            self.close()
            return
        super().data_received(data)
        self._received += len(data)
        if self._received > MAX_HEAD_BYTES:
            self._check_size()

    def close(self) -> None:
        """Close at once: neither unsent bytes nor TLS's own goodbye delay it."""
        self._should_close = True
        self.abort()

    def _check_size(self) -> None:
        if self._body is None:
            self.set_exception(HttpProcessingError(code=400, message="The head is too large."))
        elif self._received > MAX_HEAD_BYTES + FRAMING_FACTOR * self._max_reply_bytes:
            if not self._body.is_eof():
                self._body.set_exception(response_too_large(self._max_reply_bytes))
        else:
            return
        transport = self.transport
        if transport is not None:
            transport.abort()
