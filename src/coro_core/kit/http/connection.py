"""One HTTP/1.1 connection of the lean client: a request goes out, one reply is read, with limits.

The parser is httptools', the same that the server reads its own requests with.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import cast

import httptools

from coro_core.contract.errors import ConnectionFailed, InvalidResponse, ProviderError

MAX_HEAD_BYTES = 64 * 1024
"""The most that a status line and headers may take, interim replies included."""
MAX_HEADERS = 256
_FRAMING = 8
"""How many bytes on the wire one byte of a body may cost at most, in chunks of one byte each."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply, read to its end; header names are in lower case."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)


class Connection(asyncio.Protocol):
    """A connection that carries one exchange at a time, over and over."""

    _headers: dict[str, str]
    _header_count: int
    _body: bytearray

    def __init__(self, max_reply_bytes: int, on_lost: Callable[["Connection"], None]) -> None:
        """`on_lost` is told when the connection is gone, whoever closed it."""
        self._max_reply_bytes = max_reply_bytes
        self._on_lost = on_lost
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        # An error is a result too: a future's exception that nobody fetches is told in the log.
        self._outcome: asyncio.Future[Reply | ProviderError] | None = None
        self._begin()
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.reusable = False
        """Whether another request can be sent, now that the last reply is complete."""

    @property
    def closing(self) -> bool:
        """Whether its end is certain, and `on_lost` may only not have been told of it yet."""
        return self._transport is None or self._transport.is_closing()

    async def exchange(self, request: bytes) -> Reply:
        """Send a request and return its reply. Raises `ConnectionFailed` or `InvalidResponse`.

        Whatever else ends it, cancellation included, closes the connection at once.
        """
        transport = self._transport
        if transport is None or transport.is_closing():
            raise ConnectionFailed
        self.reusable = False
        self._outcome = asyncio.get_running_loop().create_future()
        outcome = None
        try:
            transport.write(request)
            outcome = await self._outcome
        finally:
            self._outcome = None
            # A connection may be idle for long: it holds on to no answer.
            self._begin()
            if not isinstance(outcome, Reply) or not self.reusable:
                self.reusable = False
                transport.abort()
        if isinstance(outcome, ProviderError):
            raise outcome
        return outcome

    def abort(self) -> None:
        """Close the connection without a word."""
        if self._transport is not None:
            self._transport.abort()

    # --- asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        # A cast, since uvloop's transports are not of asyncio's class.
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Read on, unless nothing was asked or too much was said."""
        if not self._waiting:
            # Nobody asked: what comes now would be taken for the answer to the next request.
            self.reusable = False
            self.abort()
            return
        self._received += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.reusable = False
            self._not_http()
            return
        if not self._headed and self._received > MAX_HEAD_BYTES:
            self._not_http()
        elif self._received > MAX_HEAD_BYTES + _FRAMING * self._max_reply_bytes:
            self._too_large()

    def eof_received(self) -> None:
        """Take the end of the connection for the end of a body that has no other."""
        if self._headed and self._until_eof:
            self._complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail what is under way; it may be tried again only when no reply had begun."""
        self.reusable = False
        self._transport = None
        self._fail(ConnectionFailed(retryable=not self._headed))
        if not self.lost.done():
            self.lost.set_result(None)
        self._on_lost(self)

    # --- the parser's side

    def on_message_begin(self) -> None:
        """Start anew; a second reply to one request makes the connection useless."""
        self.reusable = False
        self._headers = {}
        self._header_count = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep one header, up to the cap."""
        self._header_count += 1
        if self._header_count > MAX_HEADERS:
            self._not_http()
            return
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1").strip()

    def on_headers_complete(self) -> None:
        """Judge the reply by its headers."""
        self._status = self._parser.get_status_code()
        if self._status < 200:
            return
        self._headed = True
        headers = self._headers
        self._until_eof = "content-length" not in headers and "transfer-encoding" not in headers
        if headers.get("content-encoding", "").lower() not in {"", "identity"}:
            self._fail(InvalidResponse("It was compressed although that was not asked for."))

    def on_body(self, body: bytes) -> None:
        """Keep a part of the body, up to the cap."""
        if len(self._body) + len(body) > self._max_reply_bytes:
            self._too_large()
        else:
            self._body += body

    def on_message_complete(self) -> None:
        """Hand over the reply; an interim one is skipped."""
        if self._status >= 200 and self._waiting:
            self.reusable = self._parser.should_keep_alive() and self._transport is not None
            self._complete()

    # --- both

    def _begin(self) -> None:
        self._status = self._received = 0
        self._body = bytearray()
        self._headed = self._until_eof = False

    @property
    def _waiting(self) -> bool:
        return self._outcome is not None and not self._outcome.done()

    def _complete(self) -> None:
        self._settle(Reply(self._status, self._headers, bytes(self._body)))

    def _fail(self, error: ProviderError) -> None:
        if self._settle(error):
            self.abort()

    def _settle(self, outcome: Reply | ProviderError) -> bool:
        """Hand over what came first; return whether this was it."""
        if self._outcome is None or self._outcome.done():
            return False
        self._outcome.set_result(outcome)
        return True

    def _not_http(self) -> None:
        # It would come back again.
        self._fail(ConnectionFailed(retryable=False))

    def _too_large(self) -> None:
        self._fail(InvalidResponse(f"It was larger than {self._max_reply_bytes} bytes."))
