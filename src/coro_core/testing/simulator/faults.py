"""The faults of the transport, as bytes on a connection."""

import asyncio
import functools
import gzip
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from coro_core.contract.behaviour import Fault
from coro_core.testing.simulator.messages import HttpReply, head, json_reply
from coro_core.testing.simulator.relay import reset_at_close

_BOMB_BYTES = 64 * 1024 * 1024
_DRIP_SECONDS = 0.2
_BLANK_LINES = 5
_FLOOD_HEADERS = 20_000


def replace_reply(reply: HttpReply) -> HttpReply:
    """Return the reply to send instead, for a fault that is a complete reply."""
    match reply.fault:
        case Fault.NOT_JSON:
            return HttpReply(b"<html>oh</html>", headers={"content-type": "text/html"})
        case Fault.WRONG_SHAPE:
            return json_reply([{"choices": 1}])
        case Fault.EMPTY_BODY:
            return HttpReply()
        case Fault.COMPRESSED_BOMB:
            return HttpReply(_bomb(), headers={"content-encoding": "gzip"})
        case Fault.REDIRECT:
            return HttpReply(status=307, headers={"location": "http://127.0.0.2:9/"})
        case _:
            return reply


async def send_faulty(
    reply: HttpReply, writer: asyncio.StreamWriter, left: asyncio.Future[bytes]
) -> None:
    """Send `reply` with its fault, until it is sent or the client has left."""
    body = reply.body
    match reply.fault:
        case Fault.HANG:
            await left
        case Fault.DISCONNECT:
            pass
        case Fault.RESET:
            writer.write(head(reply, len(body)) + body[: len(body) // 2])
            await writer.drain()
            reset_at_close(writer)
        case Fault.TRUNCATE:
            writer.write(head(reply, len(body) + 100) + body)
        case Fault.GARBAGE:
            writer.write(b"\x16\x03\x01 this is not HTTP\r\n\r\n")
        case Fault.OVERSIZED:
            writer.write(head(reply, None))
            while not left.done():
                writer.write(b" " * 65536)
                await writer.drain()
        case Fault.DRIP:
            writer.write(head(reply, len(body)))
            await _drip(body, writer, left)
        case Fault.SLOW_HEADERS:
            await _drip(head(reply, len(body)), writer, left)
        case Fault.HEADER_FLOOD:
            flood = {f"x-flood-{number}": "0" for number in range(_FLOOD_HEADERS)}
            writer.write(head(replace(reply, headers={**flood, **reply.headers}), len(body)) + body)
        case Fault.BAD_CHUNKS:
            half = body[: len(body) // 2]
            chunked = {**reply.headers, "transfer-encoding": "chunked"}
            writer.write(head(replace(reply, headers=chunked), None))
            writer.write(b"%x\r\n%b\r\nno length\r\n" % (len(half), half))
        case Fault.BLANK_LINES:
            writer.write(head(reply, None))
            for _ in range(_BLANK_LINES):
                writer.write(b"\n")
                await writer.drain()
                await asyncio.sleep(_DRIP_SECONDS / 10)
            writer.write(body)
        case fault:
            raise AssertionError(f"{fault} is not a fault of sending")
    await writer.drain()


async def stream(
    chunks: AsyncGenerator[bytes, None],
    writer: asyncio.StreamWriter,
    left: asyncio.Future[bytes],
) -> None:
    """Send chunks as they come, until they end or the client has left."""

    async def send() -> None:
        async with aclosing(chunks):
            async for chunk in chunks:
                writer.write(chunk)
                await writer.drain()

    sending = asyncio.ensure_future(send())
    either: set[asyncio.Future[Any]] = {sending, left}
    try:
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    finally:
        sending.cancel()
        await asyncio.wait({sending})
    if not sending.cancelled():
        # Raise the error of a failing script, so that the server logs it.
        sending.result()


async def _drip(content: bytes, writer: asyncio.StreamWriter, left: asyncio.Future[bytes]) -> None:
    for byte in content:
        writer.write(bytes([byte]))
        await asyncio.wait({left}, timeout=_DRIP_SECONDS)
        if left.done():
            return


@functools.cache
def _bomb() -> bytes:
    """Compress the body once: it takes 0.1 s, and blocks the loop."""
    return gzip.compress(b" " * _BOMB_BYTES, compresslevel=1)
