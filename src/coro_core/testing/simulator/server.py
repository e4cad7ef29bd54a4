"""A small HTTP/1.1 server on raw sockets, which can fail in every way a provider can.

The sockets are raw because no server library sends half a reply. When a client leaves, the server
cancels the handler at once; tests with barriers need that.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from coro_core.testing.simulator.faults import replace_reply, send_faulty, stream
from coro_core.testing.simulator.messages import HttpReply, HttpRequest, head
from coro_core.testing.simulator.relay import serve_tcp

_log = logging.getLogger(__name__)

Handler = Callable[[HttpRequest], Awaitable[HttpReply]]


@asynccontextmanager
async def serve_http(handler: Handler) -> AsyncIterator[str]:
    """Serve `handler` on a free port of 127.0.0.1 and yield the address, usable as a base URL."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await _serve_one(reader, writer, handler):
            pass

    async with serve_tcp(serve) as server:
        yield f"http://127.0.0.1:{server.port}"


async def _serve_one(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, handler: Handler
) -> bool:
    """Read one request and answer it; return true if the connection can take another."""
    request = await _read_request(reader)
    work = asyncio.ensure_future(_answer(request, handler))
    # The client sends nothing before it has its reply, so the next event is its end.
    client_left = asyncio.ensure_future(reader.read(1))
    try:
        await asyncio.wait({work, client_left}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            return False
        reply = replace_reply(work.result())
        if reply.raw is not None:
            await stream(reply.raw, writer, client_left)
            return False
        if reply.fault is not None:
            await send_faulty(reply, writer, client_left)
            return False
    finally:
        for task in (work, client_left):
            task.cancel()
        await asyncio.gather(work, client_left, return_exceptions=True)
    writer.write(head(reply, len(reply.body)) + reply.body)
    await writer.drain()
    return True


async def _answer(request: HttpRequest, handler: Handler) -> HttpReply:
    """Return the handler's reply; if the handler fails, log the error and return a 500."""
    try:
        return await handler(request)
    except Exception:
        _log.exception("the simulator failed at %s %s", request.method, request.path)
        return HttpReply(b"the simulator failed; its log says how", 500)


async def _read_request(reader: asyncio.StreamReader) -> HttpRequest:
    text = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = text.strip().split("\r\n")
    method, path, _ = first.split(" ", 2)
    pairs = (line.partition(":") for line in lines)
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    if headers.get("transfer-encoding", "").lower() == "chunked":
        body = await _read_chunks(reader)
    else:
        body = await reader.readexactly(int(headers.get("content-length", "0")))
    return HttpRequest(method, path, headers, body)


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    """Read a chunked body; drop its trailers."""
    chunks = []
    while size := int((await reader.readuntil(b"\r\n")).partition(b";")[0], 16):
        chunks.append((await reader.readexactly(size + 2))[:-2])
    while await reader.readuntil(b"\r\n") != b"\r\n":
        pass
    return b"".join(chunks)
