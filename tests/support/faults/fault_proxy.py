"""A TCP relay that a test can shut, jam, mute or put behind TLS while CORO runs."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from coro_core.testing.simulator.relay import TcpServer, connect_tcp, relay


class FaultProxy:
    """One port before one simulator; closing and opening it again keeps the port."""

    def __init__(self, behind: str) -> None:
        parts = urlsplit(behind)
        self._behind = (parts.hostname or "", parts.port or 0)
        self._server = TcpServer(self._serve)
        self._blockers: list[socket.socket] = []
        self.mute = False
        """If true, accept connections and neither read nor write."""
        self.says: bytes | None = None
        """The reply to any request, in place of the server's."""

    @property
    def port(self) -> int:
        """The port, which stays the same."""
        return self._server.port

    async def open(self, context: ssl.SSLContext | None = None) -> None:
        """Relay again, whatever was before; behind TLS if there is a context."""
        await self.shut()
        self.mute, self.says = False, None
        await self._server.listen(self.port, context)

    async def shut(self) -> None:
        """Refuse connections, and end those that are open."""
        for blocker in self._blockers:
            blocker.close()
        self._blockers.clear()
        await self._server.close()
        await _let_grpc_notice()

    async def jam(self) -> None:
        """Leave new connections hanging: neither accepted nor refused."""
        # No await between the two listeners: a client that connects again must not be refused.
        self._server.stop_accepting()
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
        await self._server.end_connections()
        await _let_grpc_notice()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.mute:
            await asyncio.Event().wait()
        if self.says is not None:
            await reader.read(1)
            writer.write(self.says)
            await writer.drain()
            return
        async with connect_tcp(*self._behind) as server:
            await relay((reader, writer), server)


async def _let_grpc_notice() -> None:
    """Wait until gRPC has seen the end of a connection, in a thread of its own."""
    await asyncio.sleep(0.05)


@asynccontextmanager
async def proxy_before(
    address: str, context: ssl.SSLContext | None = None
) -> AsyncIterator[FaultProxy]:
    """Open a proxy before an address, and shut it at the end."""
    proxy = FaultProxy(address)
    await proxy.open(context)
    try:
        yield proxy
    finally:
        await proxy.shut()
