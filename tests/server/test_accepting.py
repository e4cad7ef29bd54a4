"""Many connections that come at once, as a busy server takes them."""

import asyncio
import socket

import uvicorn
import uvloop

from coro_core.server.runner import LISTENERS, Server
from coro_core.web.app import create_app

CONNECTIONS = 128


async def rounds_until_all_are_taken() -> int:
    config = uvicorn.Config(create_app({}), port=0, log_config=None, loop="none", ws="none")
    server = Server(config)
    # Not serve(): that takes over the signals of the test runner.
    serving = asyncio.create_task(server._serve())
    while not server.started or len(server.servers) < LISTENERS:
        assert not serving.done()
        await asyncio.sleep(0)
    address = server.servers[0].sockets[0].getsockname()
    # The system makes the connections; the loop has no part in that, and takes none meanwhile.
    clients = [socket.create_connection(address) for _ in range(CONNECTIONS)]
    rounds = 0
    while len(server.server_state.connections) < CONNECTIONS:
        await asyncio.sleep(0)
        rounds += 1
        assert rounds < 10 * CONNECTIONS
    for client in clients:
        client.close()
    server.should_exit = True
    await serving
    return rounds


def test_connections_that_come_at_once_are_taken_by_the_handful() -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        rounds = runner.run(rounds_until_all_are_taken())
    assert rounds < CONNECTIONS / 4
