"""How the transport's faults are put on the wire."""

import asyncio
import functools
import gzip
import socket
import struct
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from coro_core.contract.behaviour import Fault
from coro_core.testing.simulator.messages import HttpReply, head, json_reply

_BOMB_BYTES = 64 * 1024 * 1024
_DRIP_SECONDS = 0.2
_BLANK_LINES = 5
_FLOOD_HEADERS = 20_000


def disguise(reply: HttpReply) -> HttpReply:
    """Return what to send instead, for a fault that is a proper reply in itself."""
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


async def misbehave(
    reply: HttpReply, writer: asyncio.StreamWriter, gone: asyncio.Future[bytes]
) -> None:
    """Send `reply` as its fault says, until that is done or the client has gone."""
    body = reply.body
    match reply.fault:
        case Fault.HANG:
            await gone
        case Fault.DISCONNECT:
            pass
        case Fault.RESET:
            writer.write(head(reply, len(body)) + body[: len(body) // 2])
            await writer.drain()
            # Lingering for no time at all turns the closing into a reset.
            writer.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
            )
        case Fault.TRUNCATE:
            writer.write(head(reply, len(body) + 100) + body)
        case Fault.GARBAGE:
            writer.write(b"\x16\x03\x01 this is not HTTP\r\n\r\n")
        case Fault.OVERSIZED:
            writer.write(head(reply, None))
            while not gone.done():
                writer.write(b" " * 65536)
                await writer.drain()
        case Fault.DRIP:
            writer.write(head(reply, len(body)))
            await _drip(body, writer, gone)
        case Fault.SLOW_HEADERS:
            await _drip(head(reply, len(body)), writer, gone)
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


async def pour(
    chunks: AsyncGenerator[bytes, None], writer: asyncio.StreamWriter, gone: asyncio.Future[bytes]
) -> None:
    """Send chunks as they come, until there are no more or the client has gone."""

    async def send() -> None:
        async with aclosing(chunks):
            async for chunk in chunks:
                writer.write(chunk)
                await writer.drain()

    sending = asyncio.ensure_future(send())
    either: set[asyncio.Future[Any]] = {sending, gone}
    try:
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    finally:
        sending.cancel()
        await asyncio.wait({sending})
    if not sending.cancelled():
        # A script that fails is told, as any handler is.
        sending.result()


async def _drip(content: bytes, writer: asyncio.StreamWriter, gone: asyncio.Future[bytes]) -> None:
    for byte in content:
        writer.write(bytes([byte]))
        await asyncio.wait({gone}, timeout=_DRIP_SECONDS)
        if gone.done():
            return


@functools.cache
def _bomb() -> bytes:
    """Build it once: compressing takes a tenth of a second, in which nothing else runs."""
    return gzip.compress(b" " * _BOMB_BYTES, compresslevel=1)
