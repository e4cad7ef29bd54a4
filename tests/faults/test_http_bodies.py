"""Bodies and framings that no provider should send, and some do."""

import asyncio
import gzip
import zlib
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from coro_core.testing import Call
from support.faults.canaries import PROVIDER_TEXT
from support.faults.replies import completion, echo, error_body, head, raw, reply, told
from support.faults.world import world

CHAT_PLUGINS = ("deepseek", "groq")
HTTP_PLUGINS = (*CHAT_PLUGINS, "gemini-genai")
MEGABYTE = 1024 * 1024
INVALID, LOST = "invalid_response", "connection_failed"


def answer(message: object) -> bytes:
    return told({"choices": [{"message": message, "finish_reason": "stop"}]})


BODIES = {
    "an HTML page": (lambda call: f"<html>{echo(call)}</html>".encode(), INVALID),
    "half of a JSON object": (lambda call: completion(call)[:-20], INVALID),
    "two JSON objects": (lambda call: completion(call) * 2, INVALID),
    "a list": (lambda call: b"[" + completion(call) + b"]", INVALID),
    "a number": (b"7", INVALID),
    "a text": (lambda call: told(echo(call)), INVALID),
    "null": (b"null", INVALID),
    "NaN": (b"NaN", INVALID),
    "100,000 brackets": (b"[" * 100_000, INVALID),
    "a number of 10,000 digits": (b"9" * 10_000, INVALID),
    "no choices": (lambda call: told({"model": echo(call)}), INVALID),
    "empty choices": (b'{"choices": []}', INVALID),
    "choices that are an object": (b'{"choices": {"0": 1}}', INVALID),
    "a choice that is null": (b'{"choices": [null]}', INVALID),
    "a choice that is NaN": (b'{"choices": [NaN]}', INVALID),
    "no message": (b'{"choices": [{"index": 0}]}', INVALID),
    "a message that is a text": (lambda call: answer(echo(call)), INVALID),
    "content that is a list": (
        lambda call: answer({"content": [{"type": "text", "text": echo(call)}]}),
        INVALID,
    ),
    "content that is a number": (answer({"content": 7}), INVALID),
    "content that is an object": (answer({"content": {}}), INVALID),
    "an error with 200": (error_body, INVALID),
    "fields that are named twice": (lambda call: b'{"choices": 7, ' + completion(call)[1:], None),
    "null content": (answer({"content": None}), "empty_response"),
    "empty content": (answer({"content": ""}), "empty_response"),
    "content of white space": (answer({"content": " \n"}), "empty_response"),
    "content of 1.5 million characters": (answer({"content": "x" * 1_500_000}), INVALID),
    "UTF-8 that is broken": (lambda call: completion(call).replace(b"fine", b"\xff\xfe"), INVALID),
    "a byte order mark": (lambda call: b"\xef\xbb\xbf" + completion(call), None),
    "UTF-16": (lambda call: completion(call).decode().encode("utf-16"), None),
    "half a surrogate pair": (answer({"content": "fine \ud83d"}), None),
    "counts that are NaN": (
        lambda call: completion(call, usage={"completion_tokens": float("nan")}),
        None,
    ),
    "counts that are endless": (
        lambda call: completion(call, usage={"prompt_tokens": float("inf")}),
        None,
    ),
    "20 blank lines first": (lambda call: b"\n" * 20 + completion(call), None),
    "10,000 blank lines first": (lambda call: b"\r\n" * 10_000 + completion(call), None),
}
"""Each body, and the code of the row; `None` for an answer."""


@pytest.mark.parametrize("plugin", CHAT_PLUGINS)
async def test_whatever_a_200_holds_costs_its_own_row(plugin: str) -> None:
    empty = "overloaded" if plugin == "deepseek" else INVALID
    async with world(plugin) as here:
        for name, (body, code) in BODIES.items():
            await here.survives(name, code, raw_reply=reply(body))
        # DeepSeek's way to say that a request's turn never came.
        await here.survives("an empty body", empty, raw_reply=reply(b""))
        await here.survives("blank lines alone", empty, raw_reply=reply(b"\n" * 30))


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


@pytest.mark.parametrize("plugin", HTTP_PLUGINS)
async def test_whatever_is_not_http_costs_its_own_row(plugin: str) -> None:
    async with world(plugin) as here:
        for name, (content, code) in FRAMINGS.items():
            await here.survives(name, code, raw_reply=raw(content))


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


@pytest.mark.parametrize("plugin", HTTP_PLUGINS)
async def test_whatever_takes_too_long_is_cut_off_on_time(plugin: str) -> None:
    slow = (slow_headers, slow_body, blank_lines_without_end, silence_after_headers)
    async with world(plugin) as here:
        for script in slow:
            name = script.__name__.replace("_", " ")
            await here.survives(name, "timeout", raw_reply=script)


BOMB = b" " * (16 * MEGABYTE)
PACKED = Path(__file__).parent / "bombs"
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


@pytest.mark.parametrize("plugin", HTTP_PLUGINS)
async def test_what_is_compressed_is_not_unpacked(plugin: str) -> None:
    async with world(plugin) as here:
        for encoding, body in COMPRESSED.items():
            script = reply(body, headers={"content-encoding": encoding})
            await here.survives(f"a body in {encoding}", INVALID, raw_reply=script)
        refused = reply(COMPRESSED["gzip"], 500, {"content-encoding": "gzip"})
        await here.survives("a refusal in gzip", INVALID, raw_reply=refused)


FRAMES = {
    "with its length": {"content-length": str(100 * MEGABYTE)},
    "without a length": {},
    "in chunks": {"transfer-encoding": "chunked"},
}


@pytest.mark.parametrize("plugin", HTTP_PLUGINS)
async def test_no_more_of_a_huge_body_is_read_than_an_answer_can_have(plugin: str) -> None:
    sent = 0

    async with world(plugin) as here:
        for status, code in ((200, INVALID), (500, INVALID)):
            for name, headers in FRAMES.items():
                chunk = (PROVIDER_TEXT * 4096).encode()
                if "transfer-encoding" in headers:
                    chunk = b"%x\r\n%b\r\n" % (len(chunk), chunk)

                async def pour(
                    call: Call, begin: bytes = chunk, status: int = status, headers=headers
                ) -> AsyncGenerator[bytes, None]:
                    nonlocal sent
                    sent = 0
                    yield head(call, status, headers)
                    while sent < 100 * MEGABYTE:
                        yield begin
                        sent += len(begin)

                fault = f"100 MB {name}, status {status}"
                await here.survives(fault, code, timeout=1.5, raw_reply=pour)
                with here.trials.trial(f"{fault}: what was read of it"):
                    # What two sockets' buffers hold on top of the cap of 2 MiB.
                    assert sent < 20 * MEGABYTE
