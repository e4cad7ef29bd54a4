"""A server that sends exactly the bytes of a test, and the two clients."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from ssl import SSLContext

import httpx
import pytest

from coro_core.kit import http as httpkit

Script = Callable[["RawServer", asyncio.StreamWriter], Awaitable[None]]


@dataclass
class RawServer:
    """The record of a raw server, which listens at `url`."""

    url: str = ""
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    left: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a client has closed its connection."""
    sent: int = 0
    """Bytes that the operating system took over, counted by `stream`."""

    async def stream(self, writer: asyncio.StreamWriter, chunk: bytes, total: int) -> None:
        """Send `chunk` again and again, until `total` bytes are out or the client has gone."""
        while self.sent < total:
            writer.write(chunk)
            await writer.drain()
            self.sent += len(chunk)


@asynccontextmanager
async def serve(script: Script | bytes, ssl: SSLContext | None = None) -> AsyncIterator[RawServer]:
    server = RawServer()
    tasks: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        server.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = head.lower().partition(b"content-length:")[2].split(b"\r\n")[0]
                server.requests.append(head + await reader.readexactly(int(length or b"0")))
                server.asked.set()
                if isinstance(script, bytes):
                    writer.write(script)
                    await writer.drain()
                else:
                    await script(server, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            server.left.set()
        except asyncio.CancelledError:
            pass
        finally:
            tasks.discard(task)
            writer.transport.abort()

    listener = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=ssl)
    scheme = "https" if ssl else "http"
    server.url = f"{scheme}://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    try:
        yield server
    finally:
        listener.close()
        for task in list(tasks):
            task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks)
        await listener.wait_closed()


@pytest.fixture
def raw_server() -> Callable[..., object]:
    return serve


class Adapted:
    """The lean client behind httpx's interface, which these tests use."""

    def __init__(self, client):
        self._client = client

    async def get(self, path):
        return self._response(await self._client.get(path))

    async def post(self, path, *, json):
        return self._response(await self._client.post(path, json))

    def _response(self, reply):
        return httpx.Response(reply.status, content=reply.content)


@asynccontextmanager
async def open_lean(*args, **kwargs):
    async with httpkit.open_json_client(*args, **kwargs) as client:
        yield Adapted(client)


@pytest.fixture(params=[httpkit.open_httpx_client, open_lean], ids=["httpx", "lean"])
def open_client(request):
    return request.param
