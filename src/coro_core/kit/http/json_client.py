"""The lean client: JSON over HTTP/1.1 to one server, and nothing that this does not need.

A call costs a fraction of what general clients take: the measurements are in docs/decisions.md. It
keeps the promises of `open_httpx_client`: no redirect is followed, no cookie kept, no proxy
variable obeyed, no compression asked for or taken, no reply read past a cap, and failures are
`ProviderError` leaves. A request is never sent twice.
"""

import asyncio
import json
import socket
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from urllib.parse import quote, urlsplit

import aiohappyeyeballs

from coro_core.contract.errors import ConnectionFailed, Timeout
from coro_core.kit.http import limits
from coro_core.kit.http.connection import Connection, Reply

_Addresses = Sequence[aiohappyeyeballs.AddrInfoType]
_NEXT_ADDRESS_SECONDS = 0.25
"""How long one address of a host may stay silent before the next is tried as well (RFC 8305)."""


class JsonClient:
    """Connections to one server, opened as calls need them and kept for the next."""

    def __init__(
        self,
        base_url: str,
        headers: Mapping[str, str],
        context: ssl.SSLContext | None,
        max_reply_bytes: int,
    ) -> None:
        parts = urlsplit(base_url)
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if context else 80)
        self._prefix = quote(parts.path.rstrip("/"), safe="/%:@!$&'()*+,;=~")
        netloc = parts.netloc if parts.netloc.isascii() else parts.netloc.encode("idna").decode()
        fields = {"Host": netloc, **limits.headers(), **headers}
        self._fields = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        self._context = context
        self._max_reply_bytes = max_reply_bytes
        self._slots = asyncio.Semaphore(limits.MAX_CONNECTIONS)
        self._open: set[Connection] = set()
        self._idle: dict[Connection, float] = {}
        self._reaper: asyncio.TimerHandle | None = None
        self._lookup: asyncio.Task[_Addresses] | None = None

    async def get(self, path: str) -> Reply:
        """Return the reply to a GET. Raises `ConnectionFailed`, `Timeout` or `InvalidResponse`."""
        return await self._exchange(self._head("GET", path) + b"\r\n")

    async def post(self, path: str, content: object) -> Reply:
        """Return the reply to a POST of JSON. Raises the same."""
        body = json.dumps(content, separators=(",", ":")).encode()
        framing = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        return await self._exchange(self._head("POST", path) + framing.encode() + body)

    async def close(self) -> None:
        """Close every connection, those in use as well."""
        if self._reaper is not None:
            self._reaper.cancel()
        if self._lookup is not None:
            self._lookup.cancel()
        closing = [connection.lost for connection in self._open]
        for connection in list(self._open):
            connection.abort()
        if closing:
            await asyncio.wait(closing, timeout=limits.CONNECT_SECONDS)

    def _head(self, method: str, path: str) -> bytes:
        return f"{method} {self._prefix}{path} HTTP/1.1\r\n{self._fields}".encode("latin-1")

    async def _exchange(self, request: bytes) -> Reply:
        if self._slots.locked():
            await self._wait_for_a_slot()
        else:
            await self._slots.acquire()
        try:
            connection = self._take() or await self._connect()
            reply = await connection.exchange(request)
            if connection.reusable:
                self._keep(connection)
            return reply
        finally:
            self._slots.release()

    async def _wait_for_a_slot(self) -> None:
        try:
            async with asyncio.timeout(limits.CONNECT_SECONDS):
                await self._slots.acquire()
        except TimeoutError:
            raise Timeout("Too many calls to it are under way here.") from None

    def _take(self) -> Connection | None:
        """Return the connection that was used last; those that are older may have gone stale."""
        now = asyncio.get_running_loop().time()
        while self._idle:
            connection, since = self._idle.popitem()
            if now - since < limits.IDLE_SECONDS and not connection.closing:
                return connection
            connection.abort()
        return None

    def _keep(self, connection: Connection) -> None:
        loop = asyncio.get_running_loop()
        self._idle[connection] = loop.time()
        if self._reaper is None:
            self._reaper = loop.call_later(limits.IDLE_SECONDS, self._reap)

    def _reap(self) -> None:
        """Close what nobody has used for long, and look again while there is anything left."""
        loop = asyncio.get_running_loop()
        for connection, since in list(self._idle.items()):
            if loop.time() - since >= limits.IDLE_SECONDS:
                connection.abort()
                del self._idle[connection]
        again = loop.call_later(limits.IDLE_SECONDS, self._reap) if self._idle else None
        self._reaper = again

    async def _connect(self) -> Connection:
        try:
            async with asyncio.timeout(limits.CONNECT_SECONDS):
                connection = await self._dial()
        except TimeoutError:
            raise Timeout("The connection could not be made in time.") from None
        except ssl.SSLError:
            raise ConnectionFailed(limits.NOT_TRUSTED, retryable=False) from None
        except (OSError, UnicodeError):
            raise ConnectionFailed from None
        self._open.add(connection)
        return connection

    async def _dial(self) -> Connection:
        sock = await aiohappyeyeballs.start_connection(
            await self._addresses(), happy_eyeballs_delay=_NEXT_ADDRESS_SECONDS
        )
        _, connection = await asyncio.get_running_loop().create_connection(
            lambda: Connection(self._max_reply_bytes, self._forget),
            sock=sock,
            ssl=self._context,
            server_hostname=self._host if self._context else None,
        )
        return connection

    async def _addresses(self) -> _Addresses:
        """Look the host up, once for all who want to know at the same time.

        Each lookup takes one of the loop's few threads for as long as the network takes.
        """
        if self._lookup is None:
            self._lookup = asyncio.create_task(self._look_up())
            self._lookup.add_done_callback(self._looked_up)
        return await asyncio.shield(self._lookup)

    async def _look_up(self) -> _Addresses:
        loop = asyncio.get_running_loop()
        return await loop.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)

    def _looked_up(self, lookup: asyncio.Task[_Addresses]) -> None:
        self._lookup = None
        if not lookup.cancelled():
            # Those who asked may all have left; nobody else must be told that it failed.
            lookup.exception()

    def _forget(self, connection: Connection) -> None:
        self._open.discard(connection)
        self._idle.pop(connection, None)


@asynccontextmanager
async def open_json_client(
    base_url: str,
    *,
    headers: Mapping[str, str] | None = None,
    max_reply_bytes: int = limits.MAX_REPLY_BYTES,
) -> AsyncIterator[JsonClient]:
    """Open one client for one server; it lives as long as the plugin's lifespan.

    Calls made with it raise `ConnectionFailed`, `Timeout` (connecting only) or `InvalidResponse`.
    There is no other time limit: the core cancels a call at its deadline, which closes the call's
    connection.
    """
    secure = base_url.lower().startswith("https:")
    context = await asyncio.to_thread(limits.ssl_context) if secure else None
    client = JsonClient(base_url, headers or {}, context, max_reply_bytes)
    try:
        yield client
    finally:
        await client.close()
