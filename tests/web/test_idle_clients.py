"""Clients that hold connections and say nothing, or hardly anything, keep nobody else waiting."""

import asyncio
import socket
from contextlib import ExitStack

import httpx
import pytest
from structlog.testing import capture_logs

from support.plugins import NO_REAL_PLUGINS, Echo, Installer
from support.server import ask, running

MANY = 200
"""Fewer than the limit of requests in flight: a client that sends its body late takes a place."""
FIRST_WORDS = {
    "nothing": b"",
    "half a request line": b"POST /ch",
    "half a header": b"POST /chat HTTP/1.1\r\nHost: coro.example\r\nX-Slow",
    "a request but for its body": (
        b"POST /chat HTTP/1.1\r\nHost: coro.example\r\nContent-Type: application/json\r\n"
        b"Content-Length: 100\r\n\r\n"
    ),
}


def hold(stack: ExitStack, client: httpx.AsyncClient, words: bytes) -> socket.socket:
    """Open a connection, say these words, and keep it open as long as the stack is."""
    address = (client.base_url.host, client.base_url.port)
    connection = stack.enter_context(socket.create_connection(address))
    connection.sendall(words)
    connection.setblocking(False)
    return connection


@pytest.mark.parametrize("words", FIRST_WORDS.values(), ids=FIRST_WORDS)
async def test_clients_that_do_not_go_on_hold_up_nobody(words: bytes, install: Installer) -> None:
    install.add("echo", Echo)
    async with running(NO_REAL_PLUGINS) as client:
        with ExitStack() as stack:
            for _ in range(MANY):
                hold(stack, client, words)
            answers = await asyncio.gather(*(ask(client, "echo") for _ in range(20)))
            assert {answer.status_code for answer in answers} == {200}
            assert (await client.get("/health")).status_code == 200


async def test_clients_that_never_send_their_body_are_given_up_and_make_room(
    install: Installer,
) -> None:
    install.add("echo", Echo)
    environ = {**NO_REAL_PLUGINS, "CORO_MAX_IN_FLIGHT": "10", "CORO_BODY_TIMEOUT": "0.2"}
    async with running(environ) as client:
        with ExitStack() as stack:
            words = FIRST_WORDS["a request but for its body"]
            held = [hold(stack, client, words) for _ in range(10)]
            receive = asyncio.get_running_loop().sock_recv
            async with asyncio.timeout(20):
                replies = await asyncio.gather(*(receive(it, 4096) for it in held))
            assert {reply[:12] for reply in replies} == {b"HTTP/1.1 408"}
            assert (await ask(client, "echo")).status_code == 200


@pytest.mark.parametrize("more", [b"", b'{"prompt": '], ids=["at once", "in the middle"])
async def test_a_client_that_leaves_before_its_body_arrived_has_its_own_log_line(
    more: bytes,
) -> None:
    """It has sent no bad request, which a 400 would say."""
    with capture_logs() as lines:
        async with running(NO_REAL_PLUGINS) as client:
            words = FIRST_WORDS["a request but for its body"]
            with ExitStack() as stack:
                hold(stack, client, words + more)
                # Answered after it, so that it has been read.
                assert (await client.get("/health")).status_code == 200
            async with asyncio.timeout(20):
                while not (reported := [line for line in lines if line.get("path") == "/chat"]):
                    assert (await client.get("/health")).status_code == 200
    assert [line["status"] for line in reported] == [499]
