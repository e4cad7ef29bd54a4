"""Many connections at once, as a busy or stopping server accepts them."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
import uvicorn
import uvloop

from coro_core.server.runner import LAST_REQUESTS_SECONDS, LISTEN_HANDLES, Server
from coro_core.web.app import create_app
from support.server import ServerWithoutSignals

CONNECTIONS = 128
GET_HEALTH = b"GET /health HTTP/1.1\r\nHost: coro.example\r\nConnection: close\r\n\r\n"


class CoroServer(ServerWithoutSignals, Server):
    """CORO's server without its signal handlers."""


@asynccontextmanager
async def serving() -> AsyncIterator[Server]:
    """Serve with uvloop until the block ends."""
    config = uvicorn.Config(create_app({}), port=0, log_config=None, loop="none", ws="none")
    server = CoroServer(config)
    task = asyncio.create_task(server.serve())
    while not server.started or len(server.servers) < LISTEN_HANDLES:
        assert not task.done()
        await asyncio.sleep(0)
    yield server
    server.should_exit = True
    await task


def connect(server: Server) -> list[socket.socket]:
    """Open connections. The system completes them; the loop does not run meanwhile."""
    address = server.servers[0].sockets[0].getsockname()
    return [socket.create_connection(address) for _ in range(CONNECTIONS)]


def run(main: Callable[[], Awaitable[None]]) -> None:
    async def coroutine() -> None:
        await main()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(coroutine())


def test_the_loop_accepts_several_connections_per_iteration() -> None:
    async def main() -> None:
        async with serving() as server:
            clients = connect(server)
            iterations = 0
            while len(server.server_state.connections) < CONNECTIONS:
                await asyncio.sleep(0)
                iterations += 1
                assert iterations < CONNECTIONS / 4
            for client in clients:
                client.close()

    run(main)


def test_connections_that_wait_when_the_server_stops_accepting_are_answered() -> None:
    async def main() -> None:
        async with serving() as server:
            address = server.servers[0].sockets[0].getsockname()
            clients = connect(server)
            for client in clients:
                client.sendall(GET_HEALTH)
            await server.stop_accepting()
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(address)
            replies = await asyncio.gather(*map(first_line, clients))
        assert replies == [b"HTTP/1.1 200 OK"] * CONNECTIONS

    run(main)


def test_a_request_that_arrives_while_the_stopping_loop_is_held_up_is_answered() -> None:
    async def main() -> None:
        least, most = LAST_REQUESTS_SECONDS
        waking, woken = socket.socketpair()

        def hold_up() -> None:
            # In the loop's read phase, so that timers which are due come before the next reads.
            asyncio.get_running_loop().remove_reader(woken)
            time.sleep(most)
            for client in clients:
                client.sendall(GET_HEALTH)

        with waking, woken:
            async with serving() as server:
                clients = connect(server)
                stopping = asyncio.create_task(server.shutdown())
                await asyncio.sleep(least / 4)
                asyncio.get_running_loop().add_reader(woken, hold_up)
                waking.send(b"x")
                replies = await asyncio.gather(*map(first_line, clients))
                await stopping
        assert replies == [b"HTTP/1.1 200 OK"] * CONNECTIONS

    run(main)


def test_a_new_connection_that_is_slow_to_send_its_request_is_answered() -> None:
    async def main() -> None:
        least, most = LAST_REQUESTS_SECONDS
        async with serving() as server:
            clients = connect(server)
            stopping = asyncio.create_task(server.shutdown())
            await asyncio.sleep((least + most) / 2)
            for client in clients:
                client.sendall(GET_HEALTH)
            replies = await asyncio.gather(*map(first_line, clients))
            await stopping
        assert replies == [b"HTTP/1.1 200 OK"] * CONNECTIONS

    run(main)


async def first_line(client: socket.socket) -> bytes:
    reader, writer = await asyncio.open_connection(sock=client)
    reply = await reader.read()
    writer.close()
    return reply.partition(b"\r\n")[0]
