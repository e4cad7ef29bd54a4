"""How the transport's faults are put on the wire."""

import asyncio
import functools
import gzip
import socket
import struct

from coro_core.testing.behaviour import Fault
from coro_core.testing.messages import HttpReply, head, json_reply

_BOMB_BYTES = 64 * 1024 * 1024
_DRIP_SECONDS = 0.2
_BLANK_LINES = 5


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
            for byte in body:
                writer.write(bytes([byte]))
                await asyncio.wait({gone}, timeout=_DRIP_SECONDS)
                if gone.done():
                    return
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


@functools.cache
def _bomb() -> bytes:
    """Build it once: compressing takes a tenth of a second, in which nothing else runs."""
    return gzip.compress(b" " * _BOMB_BYTES, compresslevel=1)
