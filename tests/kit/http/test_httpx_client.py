"""Both clients against a server that misbehaves in every way, over real sockets."""

import asyncio
import socket
import threading
from contextlib import suppress

import httpx
import pytest

from coro_core import ConnectionFailed, InvalidResponse, ProviderError, Timeout
from coro_core.kit import http as httpkit
from coro_core.kit.http import Limits

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
MEGABYTE = 1 << 20


async def failure_of(call):
    with pytest.raises(ProviderError) as caught:
        await call
    return caught.value


async def test_a_reply_comes_through_and_the_address_may_hold_a_path(open_client, raw_server):
    async with raw_server(OK) as server, open_client(server.url + "/prefix") as client:
        reply = await client.post("/v1/chat", json={"a": 1})
    assert (reply.status_code, reply.content) == (200, b"ok")
    assert server.requests[0].startswith(b"POST /prefix/v1/chat HTTP/1.1\r\n")


async def test_it_asks_for_plain_json_under_its_own_name_with_the_callers_headers(
    open_client, raw_server
):
    async with (
        raw_server(OK) as server,
        open_client(server.url, headers={"Authorization": "Bearer k"}) as client,
    ):
        await client.get("/")
    sent = server.requests[0].lower()
    for line in (b"accept-encoding: identity", b"accept: application/json", b"user-agent: coro/"):
        assert sent.count(b"\r\n" + line) == 1
    assert sent.count(b"authorization: bearer k") == 1


async def test_plain_http_needs_no_certificates(open_client, raw_server):
    class NoTls:
        proxy = None

        def ssl_context(self):
            pytest.fail("it was built")

    async with raw_server(OK) as server, open_client(server.url, network=NoTls()) as client:
        assert (await client.get("/")).content == b"ok"


async def test_a_refused_connection_may_be_tried_again(open_client):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        async with open_client(f"http://127.0.0.1:{closed.getsockname()[1]}") as client:
            error = await failure_of(client.get("/"))
    assert isinstance(error, ConnectionFailed)
    assert error.retryable


async def test_a_name_that_does_not_resolve_is_a_failed_connection(open_client, monkeypatch):
    def no_such_name(*args, **kwargs):
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    monkeypatch.setattr(socket, "getaddrinfo", no_such_name)
    async with open_client("http://provider.invalid") as client:
        error = await failure_of(client.get("/"))
    assert isinstance(error, ConnectionFailed)
    assert error.retryable


async def test_a_resolver_that_hangs_is_a_timeout(open_client, monkeypatch):
    release = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: release.wait(5) and [])
    limits = Limits(connect_seconds=0.1)
    async with open_client("http://provider.invalid", limits=limits) as client:
        error = await failure_of(client.get("/"))
        release.set()
    assert isinstance(error, Timeout)


async def test_a_connection_that_hangs_is_a_timeout(open_client):
    limits = Limits(connect_seconds=0.1)
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        address = f"http://127.0.0.1:{full.getsockname()[1]}"
        async with open_client(address, limits=limits) as client:
            error = await failure_of(client.get("/"))
        for filler in fillers:
            filler.close()
    assert isinstance(error, Timeout)


@pytest.mark.parametrize(
    ("reply", "kind", "retryable"),
    [
        pytest.param(b"", ConnectionFailed, True, id="nothing"),
        pytest.param(b"\x16\x03\x01 no HTTP\r\n\r\n", ConnectionFailed, False, id="not HTTP"),
        pytest.param(b"HTTP/1.1 2", ConnectionFailed, True, id="half a status line"),
        pytest.param(b"HTTP/1.1 9999 What\r\n\r\n", ConnectionFailed, False, id="no such status"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf",
            ConnectionFailed,
            False,
            id="truncated",
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nhalf",
            ConnectionFailed,
            False,
            id="broken chunks",
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\nhalf",
            ConnectionFailed,
            False,
            id="half a chunk",
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
            ConnectionFailed,
            False,
            id="negative length",
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nok",
            ConnectionFailed,
            False,
            id="two lengths",
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nx: " + b"a" * MEGABYTE + b"\r\n\r\n",
            ConnectionFailed,
            False,
            id="huge header",
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 5000 + b"\r\n",
            ConnectionFailed,
            False,
            id="many headers",
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nx: a\0b\r\n\r\n", ConnectionFailed, False, id="NUL in a header"
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\n",
            InvalidResponse,
            False,
            id="compressed",
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\ncontent-encoding: identity, br\r\n\r\n",
            InvalidResponse,
            False,
            id="compressed among others",
        ),
    ],
)
async def test_a_broken_reply_is_one_of_our_errors_and_one_call(
    open_client, raw_server, reply, kind, retryable
):
    async def script(server, writer):
        writer.write(reply)
        await writer.drain()
        raise ConnectionAbortedError

    async with raw_server(script) as server, open_client(server.url) as client:
        error = await failure_of(client.post("/", json={}))
    assert type(error) is kind
    assert error.retryable is retryable
    assert len(server.requests) == 1


async def test_a_reason_that_is_no_text_does_no_harm(open_client, raw_server):
    reply = b"HTTP/1.1 200 \xff\xfe\r\ncontent-length: 2\r\n\r\nok"
    async with raw_server(reply) as server, open_client(server.url) as client:
        # What it says is of no use to anyone; aiohttp insists on reading it.
        with suppress(ConnectionFailed):
            assert (await client.get("/")).content == b"ok"


@pytest.mark.parametrize("header", [b"\xff\xfe", "été".encode("latin-1"), b""])
async def test_an_odd_header_value_does_no_harm(open_client, raw_server, header):
    reply = b"HTTP/1.1 200 OK\r\nx: " + header + b"\r\ncontent-length: 2\r\n\r\nok"
    async with raw_server(reply) as server, open_client(server.url) as client:
        assert (await client.get("/")).content == b"ok"


@pytest.mark.parametrize("encoding", [b"", b"identity", b" Identity "])
async def test_a_reply_that_says_it_is_not_compressed_is_taken(open_client, raw_server, encoding):
    reply = b"HTTP/1.1 200 OK\r\ncontent-encoding: " + encoding + b"\r\ncontent-length: 2\r\n\r\nok"
    async with raw_server(reply) as server, open_client(server.url) as client:
        assert (await client.get("/")).content == b"ok"


@pytest.mark.parametrize(
    "framing",
    [b"content-length: 104857600", b"connection: close", b"content-encoding: gzip"],
)
async def test_a_huge_body_is_not_read_and_its_connection_closed(open_client, raw_server, framing):
    async def script(server, writer):
        writer.write(b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n\r\n")
        await server.stream(writer, b"\x1f\x8b" * 32768, 100 * MEGABYTE)

    async with raw_server(script) as server, open_client(server.url) as client:
        error = await failure_of(client.get("/"))
        await asyncio.wait_for(server.left.wait(), 0.5)
    assert isinstance(error, InvalidResponse)
    # What two sockets' buffers hold on top of the cap of 2 MiB.
    assert server.sent < 20 * MEGABYTE


async def test_headers_without_end_are_an_error(open_client, raw_server):
    async def script(server, writer):
        writer.write(b"HTTP/1.1 200 OK\r\n")
        await server.stream(writer, b"x: y\r\n" * 1000, 100 * MEGABYTE)

    async with raw_server(script) as server, open_client(server.url) as client:
        error = await failure_of(client.get("/"))
        await asyncio.wait_for(server.left.wait(), 0.5)
    assert isinstance(error, ConnectionFailed)
    assert server.sent < 20 * MEGABYTE


async def test_the_cap_is_exact(open_client, raw_server):
    async with (
        raw_server(OK) as server,
        open_client(server.url, max_reply_bytes=2) as enough,
        open_client(server.url, max_reply_bytes=1) as too_little,
    ):
        assert (await enough.get("/")).content == b"ok"
        assert isinstance(await failure_of(too_little.get("/")), InvalidResponse)


async def test_a_redirect_is_not_followed(open_client, raw_server):
    async with raw_server(OK) as other:
        reply = f"HTTP/1.1 307 Moved\r\nlocation: {other.url}/\r\ncontent-length: 0\r\n\r\n"
        async with raw_server(reply.encode()) as server, open_client(server.url) as client:
            assert (await client.post("/", json={})).status_code == 307
    assert other.connections == 0


async def test_a_cookie_is_not_sent_back(open_client, raw_server):
    reply = b"HTTP/1.1 200 OK\r\nset-cookie: a=b; path=/\r\ncontent-length: 2\r\n\r\nok"
    async with raw_server(reply) as server, open_client(server.url) as client:
        await client.get("/")
        await client.get("/")
    assert len(server.requests) == 2
    assert b"cookie" not in server.requests[1].lower()


async def test_proxy_variables_are_ignored(open_client, raw_server, monkeypatch):
    async with raw_server(OK) as proxy, raw_server(OK) as server:
        for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        async with open_client(server.url) as client:
            await client.get("/")
    assert (proxy.connections, server.connections) == (0, 1)


@pytest.mark.parametrize("framing", [b"connection: close", b"transfer-encoding: chunked"])
async def test_blank_lines_before_the_body_are_part_of_it(open_client, raw_server, framing):
    async def script(server, writer):
        writer.write(b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n\r\n")
        chunked = b"chunked" in framing
        for _ in range(20):
            writer.write(b"1\r\n\n\r\n" if chunked else b"\n")
            await writer.drain()
        writer.write(b"2\r\n{}\r\n0\r\n\r\n" if chunked else b"{}")
        await writer.drain()
        raise ConnectionAbortedError

    async with raw_server(script) as server, open_client(server.url) as client:
        assert (await client.get("/")).json() == {}


async def test_a_timeout_that_an_sdk_puts_in_between_is_not_obeyed(raw_server):
    go = asyncio.Event()

    async def script(server, writer):
        await go.wait()
        writer.write(OK)

    async with raw_server(script) as server, httpkit.open_httpx_client(server.url) as client:
        call = asyncio.create_task(client.get("/", timeout=httpx.Timeout(0.01)))
        await server.asked.wait()
        await asyncio.sleep(0.05)
        go.set()
        assert (await call).content == b"ok"
