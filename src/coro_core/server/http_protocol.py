"""uvicorn's HTTP protocol, with limits on what a request may cost before it is a request.

uvicorn 0.54 has none (https://github.com/encode/uvicorn, read 2026-11-25): httptools joins the
pieces of a header value at quadratic cost, on the event loop, and a head may take any time.
"""

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

MAX_HEAD_BYTES = 64 * 1024
"""Limit of a request line with its headers. Trailers and the framing of chunks have the same."""
MAX_HEADERS = 100
"""Limit of header fields, trailers included. Beyond either limit the reply is a 431."""
HEAD_SECONDS = 10.0
"""Time for a head to arrive, in seconds. Silence counts, and data does not extend it."""
_SLICE_BYTES = 16 * 1024
"""Bytes parsed between two checks of the limit."""
_FRAMING = 8
"""Bytes of framing that a byte of a body may cost, for chunks of one byte each."""
_VERSIONS = ("1.0", "1.1")


class _RefusedError(Exception):
    """Ends parsing; the status of the reply is in `BoundedHttpProtocol._refusal`."""


class BoundedHttpProtocol(HttpToolsProtocol):
    """One connection, whose heads are bounded in bytes, fields and time."""

    head_seconds = HEAD_SECONDS
    _head_timer: asyncio.TimerHandle | None = None
    _head_begun = False
    _overhead = 0
    """Bytes of this head; behind the head, bytes that are not of the body."""
    _fields = 0
    _refusal = 400

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the clock: a connection that says nothing is closed too."""
        # A cast, since uvloop's transports do not derive from asyncio's class.
        super().connection_made(cast(asyncio.Transport, transport))
        self.flow = _Flow(self.transport)
        self._start_head_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the requests that wait for their turn: nobody reads their replies."""
        self._stop_head_timer()
        self.pipeline.clear()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse in slices, so that a limit holds before the next slice is joined to the last."""
        while data and not self.transport.is_closing():
            room = min(MAX_HEAD_BYTES - self._overhead, _SLICE_BYTES)
            if not room:
                self._refuse(431)
                return
            piece, data = data[:room], data[room:]
            self._overhead += len(piece)
            super().data_received(piece)
        idle = self.cycle is None or self.cycle.response_complete
        if (self._head_begun or idle) and not self.transport.is_closing():
            self._start_head_timer()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is not a request that can be read, with the status that says why."""
        if self.cycle is not None and self.cycle.response_started:
            # Part of another reply is on its way: what is written now would be read as its body.
            self.transport.close()
            return
        reason = STATUS_LINE[self._refusal].split(b" ", 2)[2].strip()
        self.transport.write(
            b"%bcontent-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\n"
            b"connection: close\r\n\r\n%b" % (STATUS_LINE[self._refusal], len(reason), reason)
        )
        self.transport.close()

    def on_message_begin(self) -> None:
        """Begin a head."""
        self._head_begun = True
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count a header field, or one of a trailer."""
        self._fields += 1
        if self._fields > MAX_HEADERS:
            self._refusal = 431
            raise _RefusedError
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """End a head, if it is of a version that CORO speaks."""
        if self.parser.get_http_version() not in _VERSIONS:
            self._refusal = 505
            raise _RefusedError
        self._head_begun = False
        self._overhead = 0
        self._stop_head_timer()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take the bytes of the body, and their framing, out of the count."""
        self._overhead = max(self._overhead - (1 + _FRAMING) * len(body), 0)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Count from zero for the next request."""
        self._overhead = self._fields = 0
        super().on_message_complete()

    def _refuse(self, status: int) -> None:
        if not self.transport.is_closing():
            self._refusal = status
            self.send_400_response("")

    def _start_head_timer(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(self.head_seconds, self._head_expired)

    def _stop_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _head_expired(self) -> None:
        self._head_timer = None
        if self._head_begun:
            self._refuse(408)
        else:
            self.transport.close()


class _Flow(FlowControl):
    """uvicorn's flow control, for connections that may be closing: uvloop raises for those."""

    def __init__(self, transport: asyncio.Transport) -> None:
        super().__init__(transport)
        self._closing: Any = transport.is_closing

    def resume_reading(self) -> None:
        """Read on, unless the connection is being closed."""
        if not self._closing():
            super().resume_reading()

    def pause_reading(self) -> None:
        """Stop reading, unless the connection is being closed."""
        if not self._closing():
            super().pause_reading()
