"""A relay before a simulator that counts connections and listens, in no provider's dialect.

It also ends every connection after a while: a plugin that waits for its provider with the event
loop blocked is let go at last, and can be told so.
"""

import asyncio
import re
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

from coro_core.testing.simulator.server import begun

_LONGEST_SECONDS = 20.0
_READ_BYTES = 65536
_HEARD_BYTES = 1024 * 1024
"""How much of what clients send is kept."""
# Not only at the start of a line: on a connection that is kept it follows the body before.
_REQUEST_LINE = re.compile(rb"[A-Z]+ (\S+) HTTP/1\.[01]\r\n")


class Tap:
    """What was seen of the connections to one plugin's simulator."""

    def __init__(self) -> None:
        self.accepted = 0
        """Connections so far."""
        self.open = 0
        """Connections at this moment."""
        self._heard = bytearray()
        self._tasks: set[asyncio.Task[None]] = set()

    def addresses(self) -> list[str]:
        """Return what was asked for over HTTP/1.1 so far, the list of models included."""
        return [found.decode("latin-1") for found in _REQUEST_LINE.findall(self._heard)]

    @asynccontextmanager
    async def before(self, address: str) -> AsyncIterator[str]:
        """Relay to an address until left; yield the address to use instead."""
        parts = urlsplit(address)

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._connected((parts.hostname or "", parts.port or 80), reader, writer)

        server = await asyncio.start_server(connected, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        try:
            yield parts._replace(netloc=f"127.0.0.1:{port}").geturl()
        finally:
            await begun()
            server.close()
            await begun()
            tasks = list(self._tasks)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await server.wait_closed()

    async def _connected(
        self,
        behind: tuple[str, int],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.accepted += 1
        self.open += 1
        try:
            async with asyncio.timeout(_LONGEST_SECONDS):
                await _relay(behind, reader, writer, self._listen)
        except ConnectionError:
            if not writer.transport.is_closing():
                # As the simulator ended it: with a reset, which lingering for no time brings about.
                writer.get_extra_info("socket").setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
                )
        except (TimeoutError, asyncio.CancelledError):
            # Nobody awaits this task, and what is not sent yet never will be.
            writer.transport.abort()
        finally:
            self._tasks.discard(task)
            self.open -= 1
            writer.close()

    def _listen(self, data: bytes) -> None:
        self._heard += data[: _HEARD_BYTES - len(self._heard)]


async def _relay(
    behind: tuple[str, int],
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    listen: Callable[[bytes], None],
) -> None:
    opening = asyncio.ensure_future(asyncio.open_connection(*behind))
    try:
        from_server, to_server = await asyncio.shield(opening)
    except asyncio.CancelledError:
        # Cancelled between its parts, it would leave a socket open; on loopback it is soon done.
        with suppress(OSError):
            (await opening)[1].transport.abort()
        raise
    ways = [
        asyncio.ensure_future(_pass_on(reader, to_server, listen)),
        asyncio.ensure_future(_pass_on(from_server, writer, lambda data: None)),
    ]
    try:
        done, _ = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        if ways[1] in done:
            ways[1].result()
            with suppress(ConnectionError):
                await writer.drain()
    finally:
        to_server.transport.abort()
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)


async def _pass_on(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, listen: Callable[[bytes], None]
) -> None:
    while data := await reader.read(_READ_BYTES):
        listen(data)
        writer.write(data)
        await writer.drain()
