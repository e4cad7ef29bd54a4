"""A small HTTP/1.1 server on raw sockets, which can break in every way a provider can.

Raw, because a well-behaved server library cannot be made to send half a reply. A call that the
client gives up is noticed at once and its handler cancelled, as a barrier test needs.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from coro_core.testing.simulator.faults import disguise, misbehave, pour
from coro_core.testing.simulator.messages import HttpReply, HttpRequest, head

_log = logging.getLogger(__name__)

_STEPS_TO_A_TASK = 5
"""More turns of the loop than asyncio takes from accepting to a connection's own task."""

Handler = Callable[[HttpRequest], Awaitable[HttpReply]]


@asynccontextmanager
async def serve_http(handler: Handler) -> AsyncIterator[str]:
    """Serve `handler` on a free port of 127.0.0.1 and yield the address, such as a base URL."""
    connections: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connections.add(task)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                while await _serve_one(reader, writer, handler):
                    pass
        except asyncio.CancelledError:
            # The server is closing, and nobody awaits this task. What is not sent yet never will
            # be: a client that has stopped reading would hold the closing up.
            writer.transport.abort()
        finally:
            connections.discard(task)
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    try:
        yield f"http://{host}:{port}"
    finally:
        await begun()
        server.close()
        await begun()
        for task in list(connections):
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)
        await server.wait_closed()


async def begun() -> None:
    """Let the connections that were accepted last get to a task of their own.

    Before, they cannot be ended; and asyncio leaves one open that it has just accepted when its
    server is closed (Python 3.11).
    """
    for _ in range(_STEPS_TO_A_TASK):
        await asyncio.sleep(0)


async def _serve_one(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, handler: Handler
) -> bool:
    """Read one request and answer it; return whether the connection can take another."""
    request = await _read_request(reader)
    work = asyncio.ensure_future(_answer(request, handler))
    # The client sends nothing more before it has its answer: what arrives is its leaving.
    gone = asyncio.ensure_future(reader.read(1))
    try:
        await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            return False
        reply = disguise(work.result())
        if reply.raw is not None:
            await pour(reply.raw, writer, gone)
            return False
        if reply.fault is not None:
            await misbehave(reply, writer, gone)
            return False
    finally:
        for task in (work, gone):
            task.cancel()
        await asyncio.gather(work, gone, return_exceptions=True)
    writer.write(head(reply, len(reply.body)) + reply.body)
    await writer.drain()
    return True


async def _answer(request: HttpRequest, handler: Handler) -> HttpReply:
    """Return the handler's reply; its own failure is a 500, and told in the log."""
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
    """Read a body whose length the client did not know when it began; trailers are dropped."""
    chunks = []
    while size := int((await reader.readuntil(b"\r\n")).partition(b";")[0], 16):
        chunks.append((await reader.readexactly(size + 2))[:-2])
    while await reader.readuntil(b"\r\n") != b"\r\n":
        pass
    return b"".join(chunks)
