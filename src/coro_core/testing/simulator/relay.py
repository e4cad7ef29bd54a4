"""TCP servers on loopback whose connections can be counted, ended and relayed."""

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]
"""Both directions of one connection."""
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
"""Serves one connection, which is closed when it returns."""
Copy = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]
"""Copies one direction of a relay until the sender ends it."""

_READ_BYTES = 65536
_TURNS_TO_A_TASK = 5
"""More turns of the loop than asyncio takes from accepting a connection to starting its task."""


class TcpServer:
    """A server on 127.0.0.1 that knows its connections."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._connections: set[asyncio.Task[None]] = set()
        self._listener: asyncio.Server | None = None
        self.port = 0
        self.accepted = 0
        """The number of connections so far."""

    @property
    def open(self) -> int:
        """The number of connections at this moment."""
        return len(self._connections)

    async def listen(self, port: int, context: ssl.SSLContext | None) -> None:
        """Accept connections on a port of 127.0.0.1; 0 takes a free port."""
        self._listener = await asyncio.start_server(self._accept, "127.0.0.1", port, ssl=context)
        self.port = self._listener.sockets[0].getsockname()[1]

    def stop_accepting(self) -> None:
        """Refuse new connections; those that are open stay open."""
        if self._listener is not None:
            self._listener.close()

    async def close(self) -> None:
        """Refuse new connections and end every open one."""
        # asyncio leaves a connection open that was accepted just before (Python 3.11).
        await _start_tasks()
        self.stop_accepting()
        await self.end_connections()
        if self._listener is not None:
            await self._listener.wait_closed()

    async def end_connections(self) -> None:
        """End every connection; data that is not sent yet is dropped."""
        # A connection without a task cannot be ended.
        await _start_tasks()
        connections = list(self._connections)
        for task in connections:
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        self.accepted += 1
        try:
            with suppress(ConnectionError, ssl.SSLError, asyncio.IncompleteReadError):
                await self._handler(reader, writer)
        except (asyncio.CancelledError, TimeoutError):
            # Nobody awaits this task, so the cancellation ends here. A client that does not read
            # would hold up a polite closing.
            writer.transport.abort()
        finally:
            self._connections.discard(task)
            writer.close()


@asynccontextmanager
async def serve_tcp(
    handler: Handler, *, port: int = 0, context: ssl.SSLContext | None = None
) -> AsyncIterator[TcpServer]:
    """Serve `handler` on 127.0.0.1 until the block is left, then end every connection.

    Port 0 takes a free port. With `context`, the connections are TLS.
    """
    server = TcpServer(handler)
    await server.listen(port, context)
    try:
        yield server
    finally:
        await server.close()


@asynccontextmanager
async def connect_tcp(host: str, port: int) -> AsyncIterator[Stream]:
    """Connect, and abort the connection at the end."""
    connecting = asyncio.ensure_future(asyncio.open_connection(host, port))
    try:
        reader, writer = await asyncio.shield(connecting)
    except asyncio.CancelledError:
        # A cancelled open_connection can leave its socket open; on loopback it is soon done.
        with suppress(OSError):
            (await connecting)[1].transport.abort()
        raise
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def copy_stream(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    record: Callable[[bytes], None] | None = None,
) -> None:
    """Copy one direction until the sender ends it; `record` gets a copy of the bytes."""
    while data := await reader.read(_READ_BYTES):
        if record is not None:
            record(data)
        writer.write(data)
        await writer.drain()


async def relay(
    client: Stream, server: Stream, *, forward: Copy = copy_stream, answer: Copy = copy_stream
) -> None:
    """Relay both directions until either side ends the connection.

    `forward` copies from the client to the server, `answer` from the server to the client. A reset
    by the server resets the client's connection.
    """
    ways = [
        asyncio.ensure_future(forward(client[0], server[1])),
        asyncio.ensure_future(answer(server[0], client[1])),
    ]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        _, answered = await asyncio.gather(*ways, return_exceptions=True)
    if isinstance(answered, ConnectionResetError) and not client[1].is_closing():
        reset_at_close(client[1])
    elif isinstance(answered, Exception) and not isinstance(answered, OSError):
        raise answered


def reset_at_close(writer: asyncio.StreamWriter) -> None:
    """Turn the closing of a connection into a reset: it lingers for no time."""
    writer.get_extra_info("socket").setsockopt(
        socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
    )


async def _start_tasks() -> None:
    """Let connections that were just accepted start their tasks."""
    for _ in range(_TURNS_TO_A_TASK):
        await asyncio.sleep(0)
