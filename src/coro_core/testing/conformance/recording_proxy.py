"""A relay before a simulator that counts connections and records requests, in any dialect.

It ends every connection after `_LONGEST_SECONDS`. A plugin that blocks the event loop while it
waits for its provider then continues, and its check can fail.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from coro_core.testing.simulator.relay import TcpServer, connect_tcp, copy_stream, relay, serve_tcp

_LONGEST_SECONDS = 20.0
_RECORDED_BYTES = 1024 * 1024
"""Bytes of the clients that are kept; further bytes are relayed only."""
# A request on a kept connection follows a body, so this is not always the start of a line.
_REQUEST_LINE = re.compile(rb"[A-Z]+ (\S+) HTTP/1\.[01]\r\n")


class RecordingProxy:
    """The connections to one plugin's simulator."""

    def __init__(self) -> None:
        self._servers: list[TcpServer] = []
        self._recorded = bytearray()

    @property
    def accepted(self) -> int:
        """The number of connections so far."""
        return sum(server.accepted for server in self._servers)

    @property
    def open(self) -> int:
        """The number of connections at this moment."""
        return sum(server.open for server in self._servers)

    def addresses(self) -> list[str]:
        """Return the request targets of HTTP/1.1 so far, those of model lists included."""
        return [found.decode("latin-1") for found in _REQUEST_LINE.findall(self._recorded)]

    @asynccontextmanager
    async def before(self, address: str) -> AsyncIterator[str]:
        """Relay to an address until the block is left; yield the address to use instead."""
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port or 80

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            async with asyncio.timeout(_LONGEST_SECONDS), connect_tcp(host, port) as server:
                await relay((reader, writer), server, forward=self._forward)

        async with serve_tcp(serve) as server:
            self._servers.append(server)
            yield parts._replace(netloc=f"127.0.0.1:{server.port}").geturl()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await copy_stream(reader, writer, self._record)

    def _record(self, data: bytes) -> None:
        self._recorded += data[: _RECORDED_BYTES - len(self._recorded)]
