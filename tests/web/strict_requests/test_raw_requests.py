"""Requests below HTTP's surface: framings, lengths and bodies as no client sends them."""

import asyncio
import contextlib
import re

import httpx
import pytest

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATIENCE = 20.0
"""Seconds after which a test gives up on a reply; never waited for when all is well."""


def head(target: str = "POST /chat", *headers: str, version: str = "1.1") -> bytes:
    lines = [f"{target} HTTP/{version}", "Host: coro.example", "Content-Type: application/json"]
    return "\r\n".join([*lines, *headers, "", ""]).encode("latin-1")


BODY = b'{"prompt": "canary", "models": ["a"]}'
CLOSE = "Connection: close"
LENGTH = f"Content-Length: {len(BODY)}"
CHUNKED = "Transfer-Encoding: chunked"
CHUNK = b"%x\r\n%b\r\n" % (len(BODY), BODY)
END = b"0\r\n\r\n"


async def exchanged(client: httpx.AsyncClient, *parts: bytes | float, eof: bool = False) -> bytes:
    """Send bytes over a connection of their own, with pauses; return all that comes back."""
    async with asyncio.timeout(PATIENCE):
        reader, writer = await asyncio.open_connection(
            client.base_url.host, client.base_url.port, limit=2**24
        )
        received = asyncio.create_task(received_until_the_end(reader))
        try:
            for part in parts:
                if isinstance(part, bytes):
                    writer.write(part)
                    await writer.drain()
                else:
                    await asyncio.sleep(part)
            if eof:
                writer.write_eof()
            return await received
        except ConnectionError:
            return await received
        finally:
            received.cancel()
            writer.close()


async def received_until_the_end(reader: asyncio.StreamReader) -> bytes:
    received = bytearray()
    try:
        while data := await reader.read(65536):
            received += data
    except ConnectionError:
        pass  # What had come before it counts.
    return bytes(received)


def statuses(received: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.[01] (\d{3})[ \r]", received)]


ODD: dict[str, tuple[list[bytes], list[int]]] = {
    "a plain request": ([head("POST /chat", LENGTH, CLOSE), BODY], [200]),
    "two in a row": (
        [head("POST /chat", LENGTH) + BODY + head("GET /health", CLOSE)],
        [200, 200],
    ),
    "a good one behind a bad one": (
        [head("POST /chat", "Content-Length: 1") + b"{" + head("GET /health", CLOSE)],
        [422, 200],
    ),
    "chunks": ([head("POST /chat", CHUNKED, CLOSE), CHUNK, END], [200]),
    "single bytes": ([bytes([byte]) for byte in head("GET /health", CLOSE)], [200]),
    "chunks with a trailer": (
        [head("POST /chat", CHUNKED, CLOSE), CHUNK + b"0\r\nX-Trailer: canary\r\n\r\n"],
        [200],
    ),
    "HTTP/1.0": ([head("GET /health", version="1.0")], [200]),
    "HTTP/1.0 with a body": ([head("POST /chat", LENGTH, version="1.0") + BODY], [200]),
    "HTTP/1.0 and no host": ([b"GET /health HTTP/1.0\r\n\r\n"], [200]),
    "an address in full": ([head("GET http://evil.example/health", CLOSE)], [200]),
    "the wrong address in full": ([head("GET http://evil.example/canary", CLOSE)], [404]),
    "expecting to go on": (
        [head("POST /chat", LENGTH, CLOSE, "Expect: 100-continue"), BODY],
        [100, 200],
    ),
    "expecting with too much": (
        [head("POST /chat", "Content-Length: 1048577", CLOSE, "Expect: 100-continue")],
        [413],
    ),
    "more than the cap": (
        [head("POST /chat", "Content-Length: 1048577", CLOSE), b"x" * 1_048_577],
        [413],
    ),
    "chunks of more than the cap": (
        [head("POST /chat", CHUNKED, CLOSE), b"180000\r\n", b"x" * 0x180000, b"\r\n", END],
        [413],
    ),
    # What is left over is the beginning of another request, and cuts the first one off.
    "a length that is too short": (
        [head("POST /chat", f"Content-Length: {len(BODY) - 9}") + BODY],
        [400],
    ),
    "length and chunks": ([head("POST /chat", LENGTH, CHUNKED, CLOSE), CHUNK, END], [400]),
    "chunks and length": ([head("POST /chat", CHUNKED, "Content-Length: 4"), CHUNK, END], [400]),
    "two lengths": ([head("POST /chat", LENGTH, "Content-Length: 7", CLOSE), BODY], [400]),
    "a length below nothing": ([head("POST /chat", "Content-Length: -1", CLOSE)], [400]),
    "a length in words": ([head("POST /chat", "Content-Length: canary", CLOSE)], [400]),
    "a length beyond words": ([head("POST /chat", f"Content-Length: {'9' * 40}", CLOSE)], [400]),
    "a length twice over": ([head("POST /chat", "Content-Length: 3, 3", CLOSE)], [400]),
    "a chunk without a size": ([head("POST /chat", CHUNKED), b"canary\r\n"], [400]),
    "a chunk beyond words": ([head("POST /chat", CHUNKED), b"f" * 40 + b"\r\n"], [400]),
    "a chunk that is longer": ([head("POST /chat", CHUNKED), b"1\r\ncanary\r\n"], [400]),
    "another encoding": ([head("POST /chat", "Transfer-Encoding: canary", CLOSE), BODY], [400]),
    "no method at all": ([head("CANARY /chat", CLOSE)], [400]),
    "a method in small letters": ([head("get /health", CLOSE)], [400]),
    "a method of another trade": ([head("PROPFIND /health", CLOSE)], [405]),
    "TRACE": ([head("TRACE /health", CLOSE)], [405]),
    "PATCH": ([head("PATCH /chat", LENGTH, CLOSE), BODY], [405]),
    "a body where none belongs": ([head("GET /health", LENGTH, CLOSE), BODY], [200]),
    "the first HTTP": ([b"GET /health\r\n\r\n"], [505]),
    "an HTTP to come": ([head("GET /health", CLOSE, version="9.9")], [400]),
    "no HTTP at all": ([b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03canary\r\n\r\n"], [400]),
    "a header without a colon": ([head("GET /health", "canary", CLOSE)], [400]),
    "a space before the colon": ([head("GET /health", "X-Canary : 1", CLOSE)], [400]),
    "a NUL in a header": ([head("GET /health", "X-Canary: a\x00b", CLOSE)], [400]),
    "bytes in a header": ([head("GET /health", "X-Canary: \xff\xfe", CLOSE)], [200]),
    "a long header": ([head("GET /health", f"X-Canary: {'x' * 60_000}", CLOSE)], [200]),
    "many headers": ([head("GET /health", *["X-Canary: 1"] * 2000, CLOSE)], [431]),
    "a host that is none": ([head("GET /health/", CLOSE).replace(b"coro.example", b"[")], [404]),
    "no host": ([f"GET /health HTTP/1.1\r\n{CLOSE}\r\n\r\n".encode()], [200]),
    "a path that is none": ([head("GET /%ff%fe%c0%af", CLOSE)], [404]),
    "an id that is none": ([head("POST /chat/%ff%00", LENGTH, CLOSE), BODY], [422]),
    "a path that climbs": ([head("GET /docs/assets/../../../../etc/passwd", CLOSE)], [404]),
    "a query": ([head("GET /health?canary=%ff&%00=[]", CLOSE)], [200]),
    "a websocket": (
        [head("GET /chat", "Upgrade: websocket", "Connection: upgrade", "Sec-WebSocket-Key: x")],
        [405],
    ),
}


@pytest.mark.parametrize(("parts", "expected"), ODD.values(), ids=ODD)
async def test_an_odd_request_gets_its_answer_and_the_next_one_is_served(
    client: httpx.AsyncClient, parts: list[bytes], expected: list[int]
) -> None:
    received = await exchanged(client, *parts, eof=expected[-1] == 405)
    assert statuses(received) == expected
    assert b"Traceback" not in received
    assert b"evil.example" not in received
    if max(expected) >= 400:
        assert b"canary" not in received
    assert (await client.get("/health")).status_code == 200


# Neither is a request by HTTP/1.1's own rules; whatever becomes of it, it is no fault of ours.
UNHEARD_OF = {
    "a tunnel": head("CONNECT coro.example:443", CLOSE),
    "the server itself": head("OPTIONS *", CLOSE),
    "a star": head("GET *", CLOSE),
    "no path": head("GET ", CLOSE),
    "no slash": head("GET health", CLOSE),
    "a path in bytes": head("GET /\xff\xfe", CLOSE),
    "a path with a space": head("GET /a b", CLOSE),
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "half a line": b"GET /hea",
    "line breaks": b"\r\n" * 1000,
    "a line of 1 MB": b"GET /" + b"x" * 1_000_000 + b" HTTP/1.1\r\n\r\n",
    "a fold": head("GET /health", "X-Canary: a\r\n b", CLOSE),
}


@pytest.mark.parametrize("sent", UNHEARD_OF.values(), ids=UNHEARD_OF)
async def test_malformed_http_is_never_our_fault_and_the_next_request_is_served(
    client: httpx.AsyncClient, sent: bytes
) -> None:
    received = await exchanged(client, sent, eof=True)
    assert all(status < 500 for status in statuses(received))
    assert b"Traceback" not in received
    assert (await client.get("/health")).status_code == 200


SLOW: dict[str, tuple[list[bytes | float], list[int]]] = {
    "nothing of the body": ([head("POST /chat", LENGTH)], [408]),
    "half of the body": ([head("POST /chat", LENGTH), BODY[:9]], [408]),
    "nothing of the chunks": ([head("POST /chat", CHUNKED)], [408]),
    "no last chunk": ([head("POST /chat", CHUNKED), CHUNK], [408]),
    "a drip": ([head("POST /chat", LENGTH), *(BODY[:1], 0.05) * 20], [408]),
    "a drip of chunks": ([head("POST /chat", CHUNKED), *(b"1\r\n{\r\n", 0.05) * 20], [408]),
    "expecting to go on": ([head("POST /chat", LENGTH, "Expect: 100-continue")], [100, 408]),
    "nothing of too much": ([head("POST /chat", "Content-Length: 2049")], [413]),
    "half of too much": ([head("POST /chat", "Content-Length: 2049"), b"x" * 1000], [413]),
    "chunks of too much and no last": (
        [head("POST /chat", CHUNKED), *[b"400\r\n" + b"x" * 1024 + b"\r\n"] * 3],
        [413],
    ),
}


async def test_a_body_that_does_not_come_to_an_end_is_not_waited_for(
    hasty: httpx.AsyncClient,
) -> None:
    replies = await asyncio.gather(*(exchanged(hasty, *parts) for parts, _ in SLOW.values()))
    for (name, (_, expected)), received in zip(SLOW.items(), replies, strict=True):
        assert statuses(received) == expected, name
        assert b"application/problem+json" in received, name
        assert b"\r\nconnection: close\r\n" in received, name
        assert b"canary" not in received, name
    assert b"did not arrive within 0.3 s" in replies[0]
    assert (await hasty.get("/health")).status_code == 200


async def test_a_body_without_an_end_is_cut_off_after_a_while(client: httpx.AsyncClient) -> None:
    megabyte = b"100000\r\n" + b"x" * 0x100000 + b"\r\n"
    most, sent = 200, 0
    async with asyncio.timeout(PATIENCE):
        _, writer = await asyncio.open_connection(client.base_url.host, client.base_url.port)
        writer.write(head("POST /chat", CHUNKED))
        with contextlib.suppress(ConnectionError):
            while sent < most:
                writer.write(megabyte)
                await writer.drain()
                sent += 1
        writer.close()
    # Ten times the cap are read for nothing; more lies on the way.
    assert 0 < sent < most
    assert (await client.get("/health")).status_code == 200


async def test_a_client_that_leaves_in_the_middle_of_its_body_costs_nothing(
    client: httpx.AsyncClient,
) -> None:
    sent = head("POST /chat", LENGTH) + BODY[:9]
    received = await asyncio.gather(*(exchanged(client, sent, eof=True) for _ in range(20)))
    assert all(status < 500 for reply in received for status in statuses(reply))
    assert (await client.get("/health")).status_code == 200
