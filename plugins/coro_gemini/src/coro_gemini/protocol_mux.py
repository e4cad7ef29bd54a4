"""A TCP relay in front of the simulated servers. It picks the server by the first bytes.

For gRPC the relay also breaks connections as a network does. gRPC's own server always closes
politely; half a reply, a reset or another protocol need a socket.
"""

import asyncio
import socket
import struct
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass

from coro_core.testing import Fault

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


class ProtocolMux:
    """The relay's connections, by the address under which the server sees each."""

    def __init__(self, http_port: int, grpc_port: Callable[[], Awaitable[int]]) -> None:
        self._http_port = http_port
        self._grpc_port = grpc_port
        self._links: dict[str, _Link] = {}
        self._tasks: set[asyncio.Task[None]] = set()

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

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Relay one connection until either side ends it."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                await self._relay(reader, writer)
        except asyncio.CancelledError:
            # The relay is closing and nobody awaits this task, so drop the unsent bytes.
            writer.transport.abort()
        finally:
            self._tasks.discard(task)
            writer.close()

    async def close(self) -> None:
        """End every connection."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _link(self, peer: str) -> _Link:
        """Return the connection of a call. Another call on it may have broken it already."""
        link = self._links.get(peer)
        if link is None or link.client.is_closing():
            raise ConnectionGoneError
        return link

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = await reader.readexactly(len(_HTTP_2))
        if first not in {_HTTP_2, *_HTTP_1}:
            return
        port = await self._grpc_port() if first == _HTTP_2 else self._http_port
        from_server, to_server = await asyncio.open_connection("127.0.0.1", port)
        to_server.write(first)
        host, port = to_server.get_extra_info("sockname")
        link = _Link(writer)
        peer = f"ipv4:{host}:{port}"
        self._links[peer] = link
        directions = [
            asyncio.ensure_future(_forward_requests(reader, to_server)),
            asyncio.ensure_future(_forward_replies(from_server, link)),
        ]
        try:
            await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
        finally:
            del self._links[peer]
            to_server.close()
            for direction in directions:
                direction.cancel()
            _, outcome = await asyncio.gather(*directions, return_exceptions=True)
            if isinstance(outcome, ConnectionResetError) and not writer.is_closing():
                _reset(writer)


async def _forward_requests(reader: asyncio.StreamReader, to_server: asyncio.StreamWriter) -> None:
    while data := await reader.read(_READ_BYTES):
        to_server.write(data)
        await to_server.drain()


async def _forward_replies(from_server: asyncio.StreamReader, link: _Link) -> None:
    while data := await from_server.read(_READ_BYTES):
        match link.fault:
            case Fault.DRIP:
                while data and link.fault is Fault.DRIP:
                    link.client.write(data[:1])
                    data = data[1:]
                    await asyncio.sleep(_DRIP_SECONDS)
                link.client.write(data)
            case Fault.HANG:
                pass
            case Fault.TRUNCATE | Fault.RESET | Fault.BAD_CHUNKS:
                link.client.write(data[:_PARTIAL_REPLY_BYTES])
                if link.fault is Fault.BAD_CHUNKS:
                    link.client.write(_GARBAGE)
                await link.client.drain()
                if link.fault is Fault.RESET:
                    _reset(link.client)
                return
            case _:
                link.client.write(data)
                await link.client.drain()


def _reset(writer: asyncio.StreamWriter) -> None:
    """Turn the closing of a connection into a reset, by a linger time of zero."""
    writer.get_extra_info("socket").setsockopt(
        socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
    )


@asynccontextmanager
async def serve_mux(
    http_port: int, grpc_port: Callable[[], Awaitable[int]]
) -> AsyncIterator[tuple[ProtocolMux, int]]:
    """Relay a free port of 127.0.0.1 to both servers, and yield the relay and its port.

    `grpc_port` is awaited for every connection of gRPC.
    """
    mux = ProtocolMux(http_port, grpc_port)
    server = await asyncio.start_server(mux.accept, "127.0.0.1", 0)
    try:
        yield mux, server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await mux.close()
        await server.wait_closed()
