"""A load generator on raw sockets: what it costs must not be what is measured."""

import asyncio
import json
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

HOST = "127.0.0.1"
LOST = 0
"""The status of a request that got no reply."""
TICK_SECONDS = 0.005


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of one request."""

    status: int
    sent: float
    """When it was sent, on the monotonic clock."""
    done: float


def chat(models: Sequence[str], **fields: object) -> bytes:
    """Return the bytes of a chat request to these models."""
    body = json.dumps({"prompt": "What is 2+2?", "models": list(models), **fields}).encode()
    head = f"POST /chat HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/json\r\n"
    return head.encode() + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


HEALTH = f"GET /health HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()


class Connection(asyncio.Protocol):
    """One connection, which carries one request at a time."""

    def __init__(self) -> None:
        self.reply: asyncio.Future[tuple[int, bytes]] | None = None
        self.transport: Any = None
        self.open = False
        self._read = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport, self.open = transport, True

    def data_received(self, data: bytes) -> None:
        self._read += data
        head, end, body = self._read.partition(b"\r\n\r\n")
        if not end:
            return
        lines = head.lower().split(b"\r\n")
        length = next((int(line[15:]) for line in lines if line.startswith(b"content-length:")), 0)
        if len(body) < length:
            return
        self._read = b""
        self.open = b"connection: close" not in lines
        if self.reply is not None and not self.reply.done():
            self.reply.set_result((int(head[9:12]), body))

    def connection_lost(self, exc: Exception | None) -> None:
        self.open = False
        if self.reply is not None and not self.reply.done():
            self.reply.set_result((LOST, b""))


class Client:
    """Sends requests to one port over as many connections as it takes."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: list[Connection] = []

    async def send(
        self, request: bytes, *, fresh: bool = False, timeout: float = 15.0
    ) -> tuple[Outcome, bytes]:
        """Send one request, over a connection of its own if it is to be `fresh`."""
        started = time.monotonic()
        status, body = LOST, b""
        connection = None
        try:
            async with asyncio.timeout(timeout):
                connection = await self._connection(fresh)
                connection.reply = asyncio.get_running_loop().create_future()
                connection.transport.write(request)
                status, body = await connection.reply
        except (OSError, TimeoutError):
            pass
        if connection is not None:
            self._done(connection, keep=status != LOST and not fresh)
        return Outcome(status, started, time.monotonic()), body

    async def _connection(self, fresh: bool) -> Connection:
        while self._idle and not fresh:
            if (connection := self._idle.pop()).open:
                return connection
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(Connection, HOST, self._port)
        return connection

    def _done(self, connection: Connection, *, keep: bool) -> None:
        if keep and connection.open:
            self._idle.append(connection)
        else:
            connection.transport.abort()

    def close(self) -> None:
        """End every connection."""
        while self._idle:
            self._done(self._idle.pop(), keep=False)


@dataclass(slots=True)
class Load:
    """The requests of one phase and their results."""

    seconds: float
    outcomes: list[Outcome] = field(default_factory=list)

    def count(self, *statuses: int) -> int:
        """Return how many ended so."""
        return sum(outcome.status in statuses for outcome in self.outcomes)

    def percentile(self, part: float, *statuses: int) -> float:
        """Return the latency in milliseconds that this part of those with a status kept to."""
        latencies = sorted(o.done - o.sent for o in self.outcomes if o.status in statuses)
        return latencies[int(part * (len(latencies) - 1))] * 1000 if latencies else float("nan")


async def closed_loop(client: Client, request: bytes, clients: int, seconds: float) -> Load:
    """Let some clients ask again as soon as they are answered; one turned away waits a moment."""
    load = Load(seconds)
    end = time.monotonic() + seconds

    async def ask_on() -> None:
        while time.monotonic() < end:
            outcome, _ = await client.send(request)
            load.outcomes.append(outcome)
            if outcome.status != 200:
                await asyncio.sleep(0.05)

    async with asyncio.TaskGroup() as group:
        for _ in range(clients):
            group.create_task(ask_on())
    return load


async def open_loop(client: Client, request: bytes, rate: float, seconds: float) -> Load:
    """Send at a rate, whatever becomes of it; every other request over a connection of its own."""
    load = Load(seconds)

    async def ask(fresh: bool) -> None:
        outcome, _ = await client.send(request, fresh=fresh)
        load.outcomes.append(outcome)

    await at_rate(rate, seconds, lambda number: ask(number % 2 == 0))
    return load


async def at_rate(
    rate: float, seconds: float, do: Callable[[int], Coroutine[Any, Any, None]]
) -> None:
    """Start work at a rate, evenly, catching up when held up; wait for all of it."""
    started, number = time.monotonic(), 0
    tasks: set[asyncio.Task[None]] = set()
    while (now := time.monotonic() - started) < seconds:
        while number < now * rate:
            task = asyncio.create_task(do(number))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            number += 1
        await asyncio.sleep(TICK_SECONDS)
    await asyncio.gather(*tasks)
