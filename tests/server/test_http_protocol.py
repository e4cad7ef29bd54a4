"""Limits on a request's head: bytes, fields and time; over real sockets."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from coro_core import GenerateRequest, Generation
from coro_core.server.http_protocol import MAX_HEAD_BYTES, MAX_HEADERS, BoundedHttpProtocol
from support.plugins import NO_REAL_PLUGINS, Echo, Installer, answer, model
from support.server import running

MEGABYTE = 1 << 20
GET = b"GET /health HTTP/1.1\r\nHost: x\r\n"
POST = b"POST /chat HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


class Hasty(BoundedHttpProtocol):
    head_seconds = 0.2


@asynccontextmanager
async def connected(
    client: httpx.AsyncClient,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    host, port = client.base_url.host, client.base_url.port
    reader, writer = await asyncio.open_connection(host, port)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def reply_to(client: httpx.AsyncClient, *pieces: bytes) -> bytes:
    """Return all that comes back for these bytes, until the server closes the connection."""
    async with asyncio.timeout(30), connected(client) as (reader, writer):
        writer.write(b"".join(pieces))
        return await reader.read()


async def flood(client: httpx.AsyncClient, start: bytes, piece: bytes) -> bytes:
    """Send `start`, then `piece` without end; return the reply once the server refuses more."""
    async with asyncio.timeout(30), connected(client) as (reader, writer):
        writer.write(start)
        reply = asyncio.create_task(reader.read())
        for _ in range(100):
            if reply.done():
                break
            writer.write(piece)
            try:
                await writer.drain()
            except ConnectionError:
                break
        try:
            return await reply
        except ConnectionError:
            # The reply was lost with the reset: the sender was still sending.
            return b""


CLOSE = b"Connection: close\r\n\r\n"


@pytest.mark.parametrize(
    ("start", "piece"),
    [
        (GET + b"X: ", b"a" * MEGABYTE),
        (b"GET /", b"a" * MEGABYTE),
        (b"GET /health HTTP/1.1\r\nX", b"a" * MEGABYTE),
        (GET, b"X-Y: z\r\n" * 100_000),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX: ", b"a" * MEGABYTE),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n2;", b"a" * MEGABYTE),
    ],
    ids=["value", "address", "name", "fields", "trailer", "chunk extension"],
)
async def test_a_head_without_end_is_refused(start: bytes, piece: bytes) -> None:
    async with running(NO_REAL_PLUGINS) as client:
        reply = await flood(client, start, piece)
        assert reply[:12] in (b"HTTP/1.1 431", b"")
        assert (await client.get("/health")).status_code == 200


@pytest.mark.parametrize(
    ("fields", "status"), [(MAX_HEADERS - 2, b"200"), (MAX_HEADERS - 1, b"431")]
)
async def test_the_number_of_fields_is_bounded_exactly(fields: int, status: bytes) -> None:
    async with running(NO_REAL_PLUGINS) as client:
        # Beside these: Host and Connection.
        reply = await reply_to(client, GET, b"X-Y: z\r\n" * fields, CLOSE)
        assert reply.split(b" ", 2)[1] == status


@pytest.mark.parametrize(
    ("size", "status"), [(MAX_HEAD_BYTES, b"200"), (MAX_HEAD_BYTES + 1, b"431")]
)
async def test_the_bytes_of_a_head_are_bounded_exactly(size: int, status: bytes) -> None:
    frame = len(GET + b"X: \r\n" + CLOSE)
    async with running(NO_REAL_PLUGINS) as client:
        reply = await reply_to(client, GET, b"X: ", b"a" * (size - frame), b"\r\n", CLOSE)
        assert reply.split(b" ", 2)[1] == status


async def test_a_body_in_chunks_of_one_byte_is_no_head(install: Installer) -> None:
    install.add("echo", Echo)
    body = json.dumps({"prompt": "x" * 30_000, "models": ["echo"]}).encode()
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in body)
    async with running(NO_REAL_PLUGINS) as client:
        head = POST + b"Transfer-Encoding: chunked\r\n" + CLOSE
        assert (await reply_to(client, head, chunks, b"0\r\n\r\n")).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (b"GET /health", b"505"),
        (b"GET /health HTTP/2.0", b"505"),
        (b"GET /health HTTP/0.9", b"505"),
        (b"GET /health HTTP/1.0", b"200"),
    ],
)
async def test_only_http_1_0_and_1_1_are_spoken(line: bytes, status: bytes) -> None:
    async with running(NO_REAL_PLUGINS) as client:
        reply = await reply_to(client, line, b"\r\nHost: x\r\n", CLOSE)
        assert reply.split(b" ", 2)[1] == status


@pytest.mark.parametrize(
    ("said", "status"),
    [(b"", b""), (b"\r\n", b""), (b"GET /hea", b"HTTP/1.1 408"), (GET + b"X", b"HTTP/1.1 408")],
)
async def test_a_head_that_does_not_end_in_time_is_closed(said: bytes, status: bytes) -> None:
    async with running(NO_REAL_PLUGINS, http=Hasty) as client:
        assert (await reply_to(client, said))[:12] == status


async def test_a_head_that_drips_has_no_more_time() -> None:
    async with (
        running(NO_REAL_PLUGINS, http=Hasty) as client,
        connected(client) as (reader, writer),
    ):
        writer.write(GET + b"X: ")
        reply = asyncio.create_task(reader.read())
        async with asyncio.timeout(30):
            while not reply.done():
                writer.write(b"a")
                await asyncio.sleep(0.02)
        assert (await reply).startswith(b"HTTP/1.1 408")


async def test_a_head_that_drips_after_a_reply_has_no_more_time() -> None:
    async with (
        running(NO_REAL_PLUGINS, http=Hasty) as client,
        connected(client) as (reader, writer),
    ):
        writer.write(GET + b"\r\n")
        assert (await reader.readuntil(b"}")).startswith(b"HTTP/1.1 200")
        reply = asyncio.create_task(reader.read())
        async with asyncio.timeout(30):
            while not reply.done():
                writer.write(b"\r\n")
                await asyncio.sleep(0.02)
        assert await reply == b""


async def test_a_request_that_is_answered_late_is_not_cut_off(install: Installer) -> None:
    class Late(Echo):
        async def generate(self, request: GenerateRequest) -> Generation:
            await asyncio.sleep(2 * Hasty.head_seconds)
            return answer("late")

    install.add("echo", Late)
    body = json.dumps({"prompt": "x", "models": ["echo"]}).encode()
    async with running(NO_REAL_PLUGINS, http=Hasty) as client:
        head = POST + b"Content-Length: %d\r\n" % len(body) + CLOSE
        assert b'"response":"late"' in await reply_to(client, head, body)


class Gated(Echo):
    models = (model("gated"),)
    entered: asyncio.Event
    gate: asyncio.Event
    asked = 0

    async def generate(self, request: GenerateRequest) -> Generation:
        type(self).asked += 1
        self.entered.set()
        await self.gate.wait()
        return answer("through")


@pytest.fixture
def gated(install: Installer) -> type[Gated]:
    class Fresh(Gated):
        entered = asyncio.Event()
        gate = asyncio.Event()
        asked = 0

    install.add("gated", Fresh)
    return Fresh


def chat(count: int) -> bytes:
    body = json.dumps({"prompt": "x", "models": ["gated"]}).encode()
    return (POST + b"Content-Length: %d\r\n\r\n" % len(body) + body) * count


async def test_pipelined_requests_are_answered_in_turn(gated: type[Gated]) -> None:
    gated.gate.set()
    async with running(NO_REAL_PLUGINS) as client, connected(client) as (reader, writer):
        writer.write(chat(3) + GET + CLOSE)
        async with asyncio.timeout(30):
            replies = await reader.read()
    assert replies.count(b"HTTP/1.1 200") == 4
    assert gated.asked == 3


async def test_pipelined_requests_of_a_client_that_leaves_are_not_asked(
    gated: type[Gated], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        async with running(NO_REAL_PLUGINS) as client:
            async with asyncio.timeout(30), connected(client) as (_, writer):
                writer.write(chat(100))
                await gated.entered.wait()
            gated.gate.set()
            for _ in range(3):
                assert (await client.get("/health")).status_code == 200
    assert gated.asked == 1
    assert [record.message for record in caplog.records] == []
