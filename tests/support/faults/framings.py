"""Replies, byte for byte, that are no HTTP, late, or not acceptable to the client."""

import asyncio
import gzip
import zlib
from collections.abc import AsyncGenerator

from coro_core.testing import Call
from support.faults.replies import completion, head
from support.paths import TESTS

MEGABYTE = 1024 * 1024
INVALID, LOST = "invalid_response", "connection_failed"
OK = b"HTTP/1.1 200 OK\r\n"
FRAMINGS = {
    "nothing at all": (b"", LOST),
    "half a status line": (b"HTTP/1.1 2", LOST),
    "a status of four digits": (b"HTTP/1.1 9999 What\r\n\r\n", LOST),
    "a greeting of another protocol": (b"220 mail.example ESMTP\r\n", LOST),
    "a TLS alert": (b"\x15\x03\x01\0\x02\x02\x28", LOST),
    "headers without end": (OK + b"x: y\r\n" * 3, LOST),
    "half a body": (OK + b"content-length: 99\r\n\r\n{", LOST),
    "a chunk without a proper length": (
        OK + b"transfer-encoding: chunked\r\n\r\nzz\r\nhalf\r\n",
        LOST,
    ),
    "a negative chunk": (OK + b"transfer-encoding: chunked\r\n\r\n-5\r\nhalf\r\n", LOST),
    "half a chunk": (OK + b"transfer-encoding: chunked\r\n\r\n99\r\nhalf", LOST),
    "chunks without end": (OK + b"transfer-encoding: chunked\r\n\r\n2\r\n{}\r\n", LOST),
    "a negative length": (OK + b"content-length: -1\r\n\r\n{}", LOST),
    "a length that is a word": (OK + b"content-length: many\r\n\r\n{}", LOST),
    "two lengths": (OK + b"content-length: 1\r\ncontent-length: 2\r\n\r\n{}", LOST),
    "a header of 1 MB": (OK + b"x: " + b"a" * MEGABYTE + b"\r\n\r\n", LOST),
    "20,000 headers": (OK + b"x: y\r\n" * 20_000 + b"\r\n", LOST),
    "NUL in a header": (OK + b"x: a\0b\r\ncontent-length: 2\r\n\r\n{}", LOST),
    "a header without a name": (OK + b": x\r\ncontent-length: 2\r\n\r\n{}", LOST),
    "a header over two lines": (OK + b"x: a\r\n b: c\r\ncontent-length: 2\r\n\r\n{}", INVALID),
    "a bare return in a header": (OK + b"x: a\rb: c\r\ncontent-length: 2\r\n\r\n{}", LOST),
    "a header that is no text": (OK + b"x: \xff\xfe\r\ncontent-length: 2\r\n\r\n{}", INVALID),
}
"""Each, and the code of the row."""


async def slow_headers(call: Call) -> AsyncGenerator[bytes, None]:
    for byte in head(call, 200):
        yield bytes([byte])
        await asyncio.sleep(0.1)


async def slow_body(call: Call) -> AsyncGenerator[bytes, None]:
    yield head(call, 200)
    for byte in completion(call):
        yield bytes([byte])
        await asyncio.sleep(0.1)


async def blank_lines_without_end(call: Call) -> AsyncGenerator[bytes, None]:
    yield head(call, 200)
    while True:
        yield b"\n"
        await asyncio.sleep(0.02)


async def silence_after_headers(call: Call) -> AsyncGenerator[bytes, None]:
    yield head(call, 200)
    await asyncio.Event().wait()


SLOW = {
    script.__name__.replace("_", " "): script
    for script in (slow_headers, slow_body, blank_lines_without_end, silence_after_headers)
}

BOMB = b" " * (16 * MEGABYTE)
PACKED = TESTS / "promises" / "faults" / "bombs"
"""The same, packed once by the tools of these formats: see the README there."""
COMPRESSED = {
    "gzip": gzip.compress(BOMB, 1),
    "deflate": zlib.compress(BOMB, 1),
    "br": (PACKED / "spaces.br").read_bytes(),
    "zstd": (PACKED / "spaces.zst").read_bytes(),
    "gzip, gzip": gzip.compress(gzip.compress(BOMB, 1), 1),
    "zstd, br, gzip": gzip.compress((PACKED / "spaces.br").read_bytes()),
    "identity, gzip": gzip.compress(BOMB, 1),
    "X-Gzip": gzip.compress(BOMB, 1),
    "aws-chunked": b"{}",
}
