"""A TCP relay that a test can shut, jam, mute or put behind TLS while CORO runs."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit


class Gate:
    """One port before one simulator; closing and opening it again keeps the port."""

    def __init__(self, behind: str) -> None:
        parts = urlsplit(behind)
        self._behind = (parts.hostname, parts.port)
        self._server: asyncio.Server | None = None
        self._blockers: list[socket.socket] = []
        self._connections: set[asyncio.Task[None]] = set()
        self.port = 0
        self.mute = False
        """Whether to accept connections and never say or read anything."""
        self.says: bytes | None = None
        """What to answer to anything, in place of the server."""

    async def open(self, context: ssl.SSLContext | None = None) -> None:
        """Relay again, whatever was before; behind TLS if there is a context."""
        await self.shut()
        self.mute, self.says = False, None
        self._server = await asyncio.start_server(
            self._connected, "127.0.0.1", self.port, ssl=context
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def shut(self) -> None:
        """Refuse connections, and end those there are."""
        self._close()
        await self.drop()

    def _close(self) -> None:
        for blocker in self._blockers:
            blocker.close()
        self._blockers.clear()
        if self._server is not None:
            self._server.close()
            self._server = None

    async def jam(self) -> None:
        """Leave new connections hanging: neither accepted nor refused."""
        # No moment without a listener: a client that connects again at once is not to be refused.
        self._close()
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(0)
        self._blockers.append(listener)
        for _ in range(3):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
            self._blockers.append(filler)
        await self.drop()

    async def drop(self) -> None:
        """End every connection, as a server does with idle ones."""
        connections = list(self._connections)
        for task in connections:
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)
        # gRPC sees the end of a connection in a thread of its own.
        await asyncio.sleep(0.05)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._server is None:
            # It was accepted just before the gate was shut.
            writer.transport.abort()
            return
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            with suppress(ConnectionError, ssl.SSLError):
                if self.mute:
                    await asyncio.Event().wait()
                if self.says is not None:
                    await reader.read(1)
                    writer.write(self.says)
                    await writer.drain()
                    return
                await self._relay(reader, writer)
        except asyncio.CancelledError:
            # The gate is closing, and nobody awaits this task.
            writer.transport.abort()
        finally:
            self._connections.discard(task)
            writer.close()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        opening = asyncio.ensure_future(asyncio.open_connection(*self._behind))
        try:
            from_server, to_server = await asyncio.shield(opening)
        except asyncio.CancelledError:
            # Cancelled between its parts, it would leave a socket open.
            opening.add_done_callback(_abandon)
            raise
        ways = [
            asyncio.ensure_future(_pass_on(reader, to_server)),
            asyncio.ensure_future(_pass_on(from_server, writer)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            with suppress(ConnectionError):
                await writer.drain()
        finally:
            to_server.transport.abort()
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)


def _abandon(opening: asyncio.Future[tuple[asyncio.StreamReader, asyncio.StreamWriter]]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result()[1].transport.abort()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


@asynccontextmanager
async def gate_before(address: str, context: ssl.SSLContext | None = None) -> AsyncIterator[Gate]:
    """Open a gate before an address, and shut it at the end."""
    gate = Gate(address)
    await gate.open(context)
    try:
        yield gate
    finally:
        await gate.shut()
