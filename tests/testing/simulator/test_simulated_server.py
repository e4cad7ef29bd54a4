"""The raw server itself, seen from a plain socket."""

import asyncio
import gzip
import logging

import pytest

from coro_core.testing import Fault, HttpReply, json_reply, serve_http

GET = b"GET /a?b=c HTTP/1.1\r\nHost: x\r\nX-Name: value\r\n\r\n"


async def talk(url, *requests):
    """Send each request after the reply to the one before; return all that came until the end."""
    host, port = url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        for request in requests[:-1]:
            writer.write(request)
            await reader.readuntil(b"done")
        writer.write(requests[-1])
        return await reader.read()
    finally:
        writer.close()


def always(reply):
    async def handle(request):
        return reply

    return handle


async def test_a_request_arrives_whole_and_the_connection_is_kept():
    seen = []

    async def handle(request):
        seen.append(request)
        return HttpReply(b"done", fault=Fault.DISCONNECT if len(seen) == 3 else None)

    post = b"POST /p HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc"
    async with serve_http(handle) as url:
        assert await talk(url, GET, post, GET) == b""
    assert [(request.method, request.path, request.body) for request in seen] == [
        ("GET", "/a?b=c", b""),
        ("POST", "/p", b"abc"),
        ("GET", "/a?b=c", b""),
    ]
    assert seen[0].headers["x-name"] == "value"


async def test_a_request_in_chunks_arrives_whole_and_the_connection_is_kept():
    seen = []

    async def handle(request):
        seen.append(request.body)
        return HttpReply(b"done", fault=Fault.DISCONNECT if len(seen) == 2 else None)

    head = b"POST /p HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunks = b"4;x=y\r\nab\r\n\r\nA\r\ncdefghijkl\r\n0\r\nX-Sum: 7\r\n\r\n"
    async with serve_http(handle) as url:
        assert await talk(url, head + chunks, GET) == b""
    assert seen == [b"ab\r\ncdefghijkl", b""]


@pytest.mark.parametrize(
    ("fault", "sent"),
    [
        (Fault.DISCONNECT, b""),
        (Fault.GARBAGE, b"\x16\x03\x01 this is not HTTP\r\n\r\n"),
        (
            Fault.TRUNCATE,
            b"HTTP/1.1 200 Simulated\r\nx: y\r\ncontent-length: 104\r\n\r\ndone",
        ),
        (
            Fault.BLANK_LINES,
            b"HTTP/1.1 200 Simulated\r\nx: y\r\nconnection: close\r\n\r\n\n\n\n\n\ndone",
        ),
        (
            Fault.BAD_CHUNKS,
            b"HTTP/1.1 200 Simulated\r\nx: y\r\ntransfer-encoding: chunked\r\n"
            b"connection: close\r\n\r\n2\r\ndo\r\nno length\r\n",
        ),
    ],
)
async def test_a_fault_is_sent_as_described(fault, sent):
    async with serve_http(always(HttpReply(b"done", headers={"x": "y"}, fault=fault))) as url:
        assert await talk(url, GET) == sent


async def test_a_reset_is_a_reset():
    async with serve_http(always(HttpReply(b"done", fault=Fault.RESET))) as url:
        with pytest.raises(ConnectionResetError):
            await talk(url, GET)


@pytest.mark.parametrize(
    ("fault", "status", "content"),
    [
        (Fault.NOT_JSON, b"200", b"<html>oh</html>"),
        (Fault.WRONG_SHAPE, b"200", b'[{"choices": 1}]'),
        (Fault.EMPTY_BODY, b"200", b""),
        (Fault.REDIRECT, b"307", b""),
    ],
)
async def test_a_fault_that_is_a_proper_reply_leaves_the_connection_open(fault, status, content):
    async with serve_http(always(HttpReply(b"done", fault=fault))) as url:
        host, port = url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        for _ in range(2):
            writer.write(GET)
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 " + status)
            length = head.partition(b"content-length: ")[2].partition(b"\r\n")[0]
            assert await reader.readexactly(int(length)) == content
        writer.close()


async def test_the_bomb_is_small_and_inflates_to_much():
    async with serve_http(always(HttpReply(fault=Fault.COMPRESSED_BOMB))) as url:
        host, port = url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(GET)
        head = await reader.readuntil(b"\r\n\r\n")
        bomb = await reader.readexactly(int(head.partition(b"content-length: ")[2].split()[0]))
        writer.close()
    assert b"content-encoding: gzip" in head
    assert len(bomb) < 1 << 20
    assert len(gzip.decompress(bomb)) == 64 << 20


async def test_a_flood_of_headers_comes_before_the_reply():
    async with serve_http(always(HttpReply(b"done", fault=Fault.HEADER_FLOOD))) as url:
        head, _, body = (await talk(url, GET)).partition(b"\r\n\r\n")
    assert head.count(b"\r\nx-flood-") == 20_000
    assert body == b"done"


@pytest.mark.parametrize("fault", [Fault.DRIP, Fault.SLOW_HEADERS])
async def test_a_drip_does_not_end(fault):
    async with serve_http(always(HttpReply(b"done", fault=fault))) as url:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await talk(url, GET)


async def test_a_raw_reply_is_sent_byte_for_byte_and_the_connection_closed():
    async def raw():
        yield b"anything"
        yield b"\0 at all"

    async with serve_http(always(HttpReply(b"done", raw=raw()))) as url:
        assert await talk(url, GET) == b"anything\0 at all"


async def test_a_raw_reply_without_end_is_given_up_when_the_client_leaves():
    given_up = asyncio.Event()

    async def raw():
        try:
            yield b"beginning"
            await asyncio.Event().wait()
        finally:
            given_up.set()

    async with serve_http(always(HttpReply(raw=raw()))) as url:
        host, port = url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(GET)
        assert await reader.readexactly(9) == b"beginning"
        writer.close()
        await asyncio.wait_for(given_up.wait(), 0.5)


async def test_a_client_that_leaves_cancels_the_handler_without_a_word(caplog):
    asked, given_up = asyncio.Event(), asyncio.Event()

    async def handle(request):
        asked.set()
        try:
            return await asyncio.Event().wait()
        finally:
            given_up.set()

    async with serve_http(handle) as url:
        call = asyncio.create_task(talk(url, GET))
        await asked.wait()
        call.cancel()
        await asyncio.wait_for(given_up.wait(), 0.5)
        for _ in range(10):  # rounds of the loop, for the server to be done with it
            await asyncio.sleep(0)
    assert caplog.records == []


@pytest.mark.parametrize("fault", [Fault.HANG, Fault.DRIP, Fault.OVERSIZED])
async def test_closing_the_server_does_not_wait_for_a_client_that_has_stopped_reading(fault):
    async with serve_http(always(HttpReply(b"done" * 99, fault=fault))) as url:
        host, port = url.removeprefix("http://").split(":")
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(GET)
        await writer.drain()
        await asyncio.sleep(0.05)
        leaving = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() - leaving < 5
    writer.close()


async def test_a_failing_handler_is_logged(caplog):
    async def handle(request):
        raise KeyError("no such code")

    async with serve_http(handle) as url:
        host, port = url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(GET)
        head = await reader.readuntil(b"\r\n\r\n")
        writer.close()
    assert head.startswith(b"HTTP/1.1 500 ")
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert "no such code" in caplog.text


async def test_a_half_request_is_dropped_without_a_word(caplog):
    async with serve_http(always(HttpReply(b"done"))) as url:
        host, port = url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nhalf")
        writer.write_eof()
        assert await reader.read() == b""
        writer.close()
    assert caplog.records == []


def test_a_json_reply_says_that_it_is_json():
    reply = json_reply({"a": 1}, status=201, headers={"x": "y"})
    assert (reply.status, reply.body) == (201, b'{"a": 1}')
    assert reply.headers == {"content-type": "application/json", "x": "y"}
