"""The lean client: its requests, its replies, and its connections."""

import asyncio
import gc
import socket
import subprocess
import sys
import tracemalloc

import pytest
import uvloop

from coro_core import ConnectionFailed, InvalidResponse, ProviderError, Timeout
from coro_core.kit.http import Limits, open_json_client
from coro_core.server.runner import raise_nofile_limit

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


@pytest.fixture
async def transports(monkeypatch):
    """Return the list of all transports that the running loop will open."""
    loop = asyncio.get_running_loop()
    connect, opened = loop.create_connection, []

    async def create_connection(*args, **kwargs):
        transport, protocol = await connect(*args, **kwargs)
        opened.append(transport)
        return transport, protocol

    monkeypatch.setattr(loop, "create_connection", create_connection)
    return opened


def by_name(address):
    """Return the address with a host name, which has to be looked up."""
    return address.replace("127.0.0.1", "localhost")


async def test_json_goes_out_as_utf_8(raw_server):
    async with raw_server(OK) as server, open_json_client(server.url) as client:
        await client.post("/v1", {"text": "\u00e9"})
    assert server.requests[0].endswith(b'\r\n\r\n{"text":"\xc3\xa9"}')


async def test_half_a_surrogate_pair_goes_out_as_an_escape(raw_server):
    async with raw_server(OK) as server, open_json_client(server.url) as client:
        await client.post("/v1", {"text": "é \ud83d"})
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert body == rb'{"text":"\u00e9 \ud83d"}'
    assert b"content-length: %d" % len(body) in head.lower()
    assert b"content-type: application/json" in head.lower()


async def test_a_reply_has_its_headers_in_lower_case(raw_server):
    reply = b"HTTP/1.1 429 Slow down\r\nRetry-After: 2 \r\ncontent-length: 0\r\n\r\n"
    async with raw_server(reply) as server, open_json_client(server.url) as client:
        answer = await client.get("/")
    assert (answer.status, answer.headers["retry-after"], answer.content) == (429, "2", b"")


async def test_interim_replies_are_skipped(raw_server):
    interim = b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n"
    async with raw_server(interim * 3 + OK) as server, open_json_client(server.url) as client:
        for _ in range(2):
            reply = await client.get("/")
            assert (reply.status, reply.content) == (200, b"ok")
            assert "link" not in reply.headers
    assert server.connections == 1


async def test_interim_replies_without_end_are_an_error(raw_server):
    async def script(server, writer):
        await server.stream(writer, b"HTTP/1.1 100 Continue\r\n\r\n" * 1000, 1 << 26)

    async with raw_server(script) as server, open_json_client(server.url) as client:
        with pytest.raises(ConnectionFailed) as caught:
            await client.get("/")
        await asyncio.wait_for(server.left.wait(), 0.5)
    assert not caught.value.retryable


async def test_a_body_in_chunks_of_framing_alone_is_an_error(raw_server):
    async def script(server, writer):
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        await server.stream(writer, b"1;" + b"x" * 1000 + b"\r\n \r\n", 1 << 27)

    async with raw_server(script) as server, open_json_client(server.url) as client:
        with pytest.raises(InvalidResponse):
            await client.get("/")
        await asyncio.wait_for(server.left.wait(), 0.5)


async def test_a_switch_of_protocols_is_no_reply(raw_server):
    reply = b"HTTP/1.1 101 Switching\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n"
    async with raw_server(reply) as server, open_json_client(server.url) as client:
        with pytest.raises(ConnectionFailed) as caught:
            await client.get("/")
    assert not caught.value.retryable


async def test_a_second_reply_leaves_the_first_as_it_is(raw_server):
    second = b"HTTP/1.1 429 Slow down\r\nretry-after: 9\r\ncontent-length: 0\r\n\r\n"
    async with raw_server(OK + second) as server, open_json_client(server.url) as client:
        reply = await client.get("/")
    assert (reply.status, reply.headers) == (200, {"content-length": "2"})


def answers_once_with(extra):
    async def script(server, writer):
        first = len(server.requests) == 1
        writer.write(OK + extra if first else OK.replace(b"ok", b"no"))

    return script


async def test_a_second_reply_is_never_taken_for_the_answer_to_the_next_request(raw_server):
    script = answers_once_with(OK)
    async with raw_server(script) as server, open_json_client(server.url) as client:
        assert (await client.get("/")).content == b"ok"
        await asyncio.wait_for(server.left.wait(), 0.5)
        assert (await client.get("/")).content == b"no"
    assert server.connections == 2


async def test_the_beginning_of_a_second_reply_does_not_spoil_the_next(raw_server):
    script = answers_once_with(b"HTTP/1.1 200")
    async with raw_server(script) as server, open_json_client(server.url) as client:
        assert (await client.get("/")).content == b"ok"
        assert (await client.get("/")).content == b"no"


async def test_a_reply_with_rubbish_after_it_fails_and_its_connection_is_closed(raw_server):
    script = answers_once_with(b"rubbish")
    async with raw_server(script) as server, open_json_client(server.url) as client:
        with pytest.raises(ConnectionFailed) as caught:
            await client.get("/")
        await asyncio.wait_for(server.left.wait(), 0.5)
        assert (await client.get("/")).content == b"no"
    assert not caught.value.retryable
    assert server.connections == 2


async def test_unrequested_bytes_close_the_idle_connection(raw_server):
    late = asyncio.Event()

    async def script(server, writer):
        writer.write(OK)
        await late.wait()
        writer.write(b"HTTP/1.1 408 Too slow\r\ncontent-length: 0\r\n\r\n")

    async with raw_server(script) as server, open_json_client(server.url) as client:
        assert (await client.get("/")).content == b"ok"
        late.set()
        await asyncio.wait_for(server.left.wait(), 0.5)
        assert (await client.get("/")).content == b"ok"


@pytest.mark.parametrize("reply", [OK.replace(b"OK\r\n", b"OK\r\nconnection: close\r\n"), OK])
async def test_a_connection_that_is_to_be_closed_is_not_used_again(raw_server, reply):
    old = reply.replace(b"HTTP/1.1", b"HTTP/1.0") if reply is OK else reply
    async with raw_server(old) as server, open_json_client(server.url) as client:
        for _ in range(2):
            await client.get("/")
    assert server.connections == 2


async def test_a_connection_that_was_idle_for_long_is_replaced(raw_server):
    limits = Limits(idle_seconds=0.02)
    async with raw_server(OK) as server, open_json_client(server.url, limits=limits) as client:
        await client.get("/")
        # Closed by the client of its own accord, without another call.
        await asyncio.wait_for(server.left.wait(), 0.5)
        await client.get("/")
    assert server.connections == 2


async def test_a_connection_whose_end_has_just_come_is_not_used(raw_server, transports):
    close = asyncio.Event()

    async def script(server, writer):
        writer.write(OK)
        if server.connections == 1:
            await close.wait()
            raise ConnectionAbortedError

    async with raw_server(script) as server, open_json_client(server.url) as client:
        await client.get("/")
        [transport] = transports
        close.set()
        # The loop reports it a turn later than it knows.
        while not transport.is_closing():  # noqa: ASYNC110 - there is no event
            await asyncio.sleep(0)
        assert (await client.get("/")).content == b"ok"
    assert server.connections == 2


async def test_a_reply_costs_little_more_than_its_size_however_small_its_chunks(raw_server):
    cap = 256 * 1024

    async def script(server, writer):
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        await server.stream(writer, b"2\r\nab\r\n" * 1024, cap // 2 * 7)
        writer.write(b"0\r\n\r\n")

    async with raw_server(script) as server, open_json_client(server.url) as client:
        tracemalloc.start()
        try:
            size = len((await client.get("/")).content)
            await asyncio.sleep(0)  # for the loop to let go of it
            idle, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    print(f"{most / cap:.1f} times the reply's size, {idle / cap:.1f} once it was dropped")
    # The buffers of two sockets and one copy are within these.
    assert size == cap
    assert most < 6 * cap
    assert idle < cap


async def test_any_number_of_connections_may_have_been_idle_for_long(raw_server):
    many = sys.getrecursionlimit() + 100
    raise_nofile_limit()
    together = asyncio.Barrier(many)

    async def script(server, writer):
        if server.connections <= many:
            await together.wait()
        writer.write(OK)

    # On a busy machine a thousand connections take seconds to open.
    limits = Limits(idle_seconds=0.0, connect_seconds=60.0)
    async with raw_server(script) as server, open_json_client(server.url, limits=limits) as client:
        await asyncio.gather(*(client.get("/") for _ in range(many)))
        assert (await client.get("/")).content == b"ok"
    assert server.connections == many + 1


async def test_calls_that_begin_together_look_the_host_up_once(raw_server, monkeypatch):
    loop = asyncio.get_running_loop()
    look_up, lookups, go = loop.getaddrinfo, [], asyncio.Event()

    async def slow(host, *args, **kwargs):
        lookups.append(host)
        await go.wait()
        return await look_up(host, *args, **kwargs)

    monkeypatch.setattr(loop, "getaddrinfo", slow)
    async with raw_server(OK) as server, open_json_client(by_name(server.url)) as client:
        first, *others = (asyncio.create_task(client.get("/")) for _ in range(20))
        while not lookups:  # noqa: ASYNC110 - there is no event
            await asyncio.sleep(0)
        # Its leaving costs the others nothing.
        first.cancel()
        await asyncio.wait([first])
        go.set()
        assert [(await call).content for call in others] == [b"ok"] * 19
    assert lookups == ["localhost"]


async def test_a_lookup_that_failed_is_made_again(raw_server, monkeypatch):
    loop = asyncio.get_running_loop()
    look_up, failures = loop.getaddrinfo, [socket.gaierror(socket.EAI_AGAIN, "try again")]

    async def fails_once(*args, **kwargs):
        # Suspend, so that the second call joins this lookup: Python 3.12 starts tasks eagerly.
        await asyncio.sleep(0)
        if failures:
            raise failures.pop()
        return await look_up(*args, **kwargs)

    monkeypatch.setattr(loop, "getaddrinfo", fails_once)
    async with raw_server(OK) as server, open_json_client(by_name(server.url)) as client:
        together = await asyncio.gather(
            *(client.get("/") for _ in range(2)), return_exceptions=True
        )
        assert [type(failure) for failure in together] == [ConnectionFailed] * 2
        assert (await client.get("/")).content == b"ok"


async def test_calls_beyond_the_limit_wait_and_then_give_up(raw_server):
    limits = Limits(max_connections=1, connect_seconds=2.0)
    go = asyncio.Event()

    async def script(server, writer):
        await go.wait()
        writer.write(OK)

    async with raw_server(script) as server, open_json_client(server.url, limits=limits) as client:
        first = asyncio.create_task(client.get("/"))
        await server.asked.wait()
        with pytest.raises(Timeout):
            await client.get("/")
        waiting = asyncio.create_task(client.get("/"))
        await asyncio.sleep(0)
        go.set()
        assert [(await call).content for call in (first, waiting)] == [b"ok", b"ok"]
        # What was cancelled while it waited holds no slot.
        assert (await client.get("/")).content == b"ok"
    assert server.connections == 1


async def test_closing_the_client_ends_calls_that_are_under_way(raw_server):
    async with raw_server(b"") as server:
        async with open_json_client(server.url) as client:
            call = asyncio.create_task(client.get("/"))
            await server.asked.wait()
        with pytest.raises(ProviderError):
            await call
        await asyncio.wait_for(server.left.wait(), 0.5)


async def test_a_host_that_is_silent_at_one_address_answers_at_the_next(raw_server, monkeypatch):
    with socket.create_server(("127.0.0.2", 0), backlog=0) as full:
        port = full.getsockname()[1]
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        async with raw_server(OK) as server:
            address = ("127.0.0.1", int(server.url.rpartition(":")[2]))
            family = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "")
            infos = [(*family, ("127.0.0.2", port)), (*family, address)]
            monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: infos)
            async with open_json_client("http://provider.invalid") as client:
                assert (await client.get("/")).content == b"ok"
        for filler in fillers:
            filler.close()


def test_it_works_the_same_on_the_loop_that_the_server_runs_on(raw_server):
    async def main():
        sent = asyncio.Event()

        async def script(server, writer):
            if len(server.requests) < 3:
                writer.write(OK)
            sent.set()

        async with raw_server(script) as server, open_json_client(server.url) as client:
            for _ in range(2):
                assert (await client.post("/", {})).content == b"ok"
            sent.clear()
            call = asyncio.create_task(client.post("/", {}))
            await sent.wait()
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            await asyncio.wait_for(server.left.wait(), 0.5)
            return server.connections

    assert uvloop.run(main()) == 1


def test_a_client_is_loaded_only_when_it_is_asked_for():
    code = (
        "import sys, coro_core.kit.http as kit;"
        "print([m for m in ('aiohttp', 'httpx') if m in sys.modules]); kit.open_json_client;"
        "print([m for m in ('aiohttp', 'httpx') if m in sys.modules]); kit.open_httpx_client;"
        "print('httpx' in sys.modules)"
    )
    child = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert child.stdout.split() == ["[]", "['aiohttp']", "True"]


@pytest.mark.parametrize("reply", [OK, b"no HTTP\r\n\r\n"])
async def test_a_call_that_is_cancelled_as_its_reply_comes_leaves_nothing_open(
    raw_server, transports, reply
):
    # In either order, the connection is closed or kept for the next call, and nothing is logged.
    logged = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: logged.append(context))
    async with raw_server(reply) as server, open_json_client(server.url) as client:
        for turns in range(12):
            server.asked.clear()
            call = asyncio.create_task(client.get("/"))
            await server.asked.wait()
            for _ in range(turns):
                await asyncio.sleep(0)
            call.cancel()
            await asyncio.wait({call})
            if not call.cancelled():
                call.exception()
        gc.collect()
        assert sum(not transport.is_closing() for transport in transports) <= 1
    assert logged == []
