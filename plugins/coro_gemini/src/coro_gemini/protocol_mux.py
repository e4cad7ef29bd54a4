"""A TCP relay in front of the simulated servers. It picks the server by the first bytes.

For gRPC the relay also breaks connections as a network does. gRPC's own server always closes
politely; half a reply, a reset or another protocol need a socket.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass

from coro_core.testing import Fault, connect_tcp, relay, reset_at_close, serve_tcp

_READ_BYTES = 65536
_HTTP_2 = b"PRI"
_HTTP_1 = (b"POS", b"GET")
"""The first bytes that a client of either protocol sends."""
_PARTIAL_REPLY_BYTES = 12
"""More than the header of an HTTP/2 frame, less than any reply."""
_DRIP_SECONDS = 0.05
_GARBAGE = b"\x16\x03\x01 this is not HTTP\r\n\r\n"


class ConnectionGoneError(Exception):
    """The connection is closed already. Its remaining calls are about to be cancelled."""


@dataclass(slots=True)
class _Link:
    client: asyncio.StreamWriter
    fault: Fault | None = None

    async def forward_replies(
        self, from_server: asyncio.StreamReader, client: asyncio.StreamWriter
    ) -> None:
        """Pass the server's bytes to the client, broken as the fault says."""
        while data := await from_server.read(_READ_BYTES):
            match self.fault:
                case Fault.DRIP:
                    while data and self.fault is Fault.DRIP:
                        client.write(data[:1])
                        data = data[1:]
                        await asyncio.sleep(_DRIP_SECONDS)
                    client.write(data)
                case Fault.HANG:
                    pass
                case Fault.TRUNCATE | Fault.RESET | Fault.BAD_CHUNKS:
                    client.write(data[:_PARTIAL_REPLY_BYTES])
                    if self.fault is Fault.BAD_CHUNKS:
                        client.write(_GARBAGE)
                    await client.drain()
                    if self.fault is Fault.RESET:
                        reset_at_close(client)
                    return
                case _:
                    client.write(data)
                    await client.drain()


class ProtocolMux:
    """The relay's connections, by the address under which the server sees each."""

    def __init__(self, http_port: int, grpc_port: Callable[[], Awaitable[int]]) -> None:
        self._http_port = http_port
        self._grpc_port = grpc_port
        self._links: dict[str, _Link] = {}

    def break_connection(self, peer: str, fault: Fault) -> None:
        """Break the connection of `peer`, an address as gRPC writes it.

        DISCONNECT and GARBAGE take effect at once. RESET, TRUNCATE and BAD_CHUNKS take effect with
        the next bytes of the server. Raises `ConnectionGoneError`.
        """
        link = self._link(peer)
        link.fault = fault
        if fault is Fault.GARBAGE:
            link.client.write(_GARBAGE)
        if fault in {Fault.GARBAGE, Fault.DISCONNECT}:
            link.client.close()

    async def send_raw(self, peer: str, chunks: AsyncGenerator[bytes, None]) -> None:
        """Send these bytes to `peer` in place of the server's, then close its connection.

        Raises `ConnectionGoneError`.
        """
        link = self._link(peer)
        link.fault = Fault.HANG
        with suppress(ConnectionError):
            async for chunk in chunks:
                link.client.write(chunk)
                await link.client.drain()
        link.client.close()

    @contextmanager
    def dripping(self, peer: str) -> Iterator[None]:
        """Pass the server's bytes to `peer` one by one. The rest follows at the end.

        Raises `ConnectionGoneError`.
        """
        link = self._link(peer)
        link.fault = Fault.DRIP
        try:
            yield
        finally:
            link.fault = None

    def _link(self, peer: str) -> _Link:
        """Return the connection of a call. Another call on it may have broken it already."""
        link = self._links.get(peer)
        if link is None or link.client.is_closing():
            raise ConnectionGoneError
        return link

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Relay one connection until either side ends it."""
        first = await reader.readexactly(len(_HTTP_2))
        if first not in {_HTTP_2, *_HTTP_1}:
            return
        port = await self._grpc_port() if first == _HTTP_2 else self._http_port
        async with connect_tcp("127.0.0.1", port) as (from_server, to_server):
            to_server.write(first)
            link = _Link(writer)
            peer = "ipv4:{}:{}".format(*to_server.get_extra_info("sockname"))
            self._links[peer] = link
            try:
                server = (from_server, to_server)
                await relay((reader, writer), server, answer=link.forward_replies)
            finally:
                del self._links[peer]


@asynccontextmanager
async def serve_mux(
    http_port: int, grpc_port: Callable[[], Awaitable[int]]
) -> AsyncIterator[tuple[ProtocolMux, int]]:
    """Relay a free port of 127.0.0.1 to both servers, and yield the relay and its port.

    `grpc_port` is awaited for every connection of gRPC.
    """
    mux = ProtocolMux(http_port, grpc_port)
    async with serve_tcp(mux.serve) as server:
        yield mux, server.port
