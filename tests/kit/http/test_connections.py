"""Connections of either client: used again, replaced, closed."""

import asyncio
import subprocess
import sys
import textwrap

import pytest

from coro_core import ProviderError

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


@pytest.mark.parametrize(
    "begun",
    [
        pytest.param(b"", id="before the reply"),
        pytest.param(b"HTTP/1.1 200 OK\r\nx: ", id="in the headers"),
        pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n", id="after an interim reply"),
        pytest.param(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n\n\n", id="in the body"),
    ],
)
async def test_cancelling_a_call_closes_its_connection(open_client, raw_server, begun):
    sent = asyncio.Event()

    async def script(server, writer):
        writer.write(begun)
        await writer.drain()
        sent.set()

    async with raw_server(script) as server, open_client(server.url) as client:
        call = asyncio.create_task(client.post("/", json={}))
        await sent.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await asyncio.wait_for(server.left.wait(), 0.5)


async def test_a_connection_is_used_again(open_client, raw_server):
    async with raw_server(OK) as server, open_client(server.url) as client:
        for _ in range(3):
            await client.post("/", json={})
    assert (server.connections, len(server.requests)) == (1, 3)


async def test_a_connection_that_the_server_closed_while_idle_is_replaced(open_client, raw_server):
    closed = asyncio.Event()

    async def script(server, writer):
        writer.write(OK)
        await writer.drain()
        closed.set()
        raise ConnectionAbortedError

    async with raw_server(script) as server, open_client(server.url) as client:
        for _ in range(3):
            closed.clear()
            assert (await client.post("/", json={})).content == b"ok"
            await closed.wait()
            await asyncio.sleep(0.01)  # for the closing to arrive
    assert (server.connections, len(server.requests)) == (3, 3)


@pytest.mark.parametrize("method", ["get", "post"])
async def test_no_call_is_repeated_on_a_connection_that_dies_in_use(
    open_client, raw_server, method
):
    async def script(server, writer):
        if len(server.requests) == 2:
            raise ConnectionAbortedError
        writer.write(OK)

    async def call():
        return await (client.get("/") if method == "get" else client.post("/", json={}))

    async with raw_server(script) as server, open_client(server.url) as client:
        await call()
        with pytest.raises(ProviderError) as caught:
            await call()
    assert caught.value.retryable
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("client", "post"),
    [
        ("open_httpx_client", 'client.post("/", json={})'),
        ("open_json_client", 'client.post("/", {})'),
    ],
)
def test_nothing_is_left_unclosed_after_successes_failures_and_cancellations(client, post):
    script = textwrap.dedent(
        f"""
        import asyncio, gc
        from coro_core import ProviderError
        from coro_core.kit.http import {client} as open_client
        from coro_core.testing import Fault, HttpReply, serve_http

        async def main():
            fault = None
            async def handle(request):
                return HttpReply(b"ok" * 9, fault=fault)
            async with serve_http(handle) as url, open_client(url) as client:
                for fault in (None, *Fault, None):
                    try:
                        async with asyncio.timeout(0.1):
                            await {post}
                    except (ProviderError, TimeoutError):
                        pass
        for _ in range(2):
            asyncio.run(main())
            gc.collect()
        """
    )
    # pytest itself runs with warnings as errors; a child also shows what only the log would tell.
    child = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, timeout=60
    )
    assert (child.returncode, child.stderr) == (0, "")
