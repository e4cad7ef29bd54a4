"""A company's http proxy for https: it tunnels what CONNECT names, and nothing else."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"
CREDENTIALS_REQUIRED = (
    b"HTTP/1.1 407 Proxy Authentication Required\r\n"
    b'proxy-authenticate: Basic realm="office"\r\ncontent-length: 0\r\n\r\n'
)


@dataclass
class ConnectProxy:
    """The record of one proxy."""

    user: str = ""
    """`name:password` that every tunnel must give, in the clear; blank for none."""
    answer: bytes = ESTABLISHED
    """The reply to every CONNECT; a tunnel is opened for the default only."""
    address: str = ""
    """Address for `CORO_HTTPS_PROXY`, with the user."""
    port: int = 0
    targets: list[str] = field(default_factory=list)
    """`host:port` of each tunnel."""
    heads: list[bytes] = field(default_factory=list)
    """Each request for a tunnel, as it came."""
    tunnelled: bytearray = field(default_factory=bytearray)
    """All bytes that clients sent through the tunnels."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Open the tunnel that one connection asks for."""
        head = await reader.readuntil(b"\r\n\r\n")
        self.heads.append(head)
        method, target, _ = head.split(b"\r\n")[0].split(b" ")
        assert method == b"CONNECT", head
        token = base64.b64encode(self.user.encode("latin-1"))
        if self.user and b"\r\nproxy-authorization: basic " + token.lower() not in head.lower():
            writer.write(CREDENTIALS_REQUIRED)
            return
        writer.write(self.answer)
        if self.answer is not ESTABLISHED:
            return
        self.targets.append(target.decode())
        host, _, port = target.decode().rpartition(":")
        from_server, to_server = await asyncio.open_connection(host.strip("[]"), int(port))
        ways = [
            asyncio.ensure_future(self._pass_on(reader, to_server, self.tunnelled)),
            asyncio.ensure_future(self._pass_on(from_server, writer, bytearray())),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            to_server.transport.abort()

    async def _pass_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seen: bytearray
    ) -> None:
        while data := await reader.read(65536):
            seen += data
            writer.write(data)
            await writer.drain()


@asynccontextmanager
async def connect_proxy(user: str = "", answer: bytes = ESTABLISHED) -> AsyncIterator[ConnectProxy]:
    """Serve a proxy on loopback until left."""
    proxy = ConnectProxy(user, answer)
    tasks: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await proxy.serve(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            writer.transport.abort()
        finally:
            tasks.discard(task)
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    proxy.address = f"http://{proxy.user + '@' if proxy.user else ''}127.0.0.1:{proxy.port}"
    try:
        yield proxy
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks)
        await server.wait_closed()
