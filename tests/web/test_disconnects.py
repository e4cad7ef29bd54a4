"""Clients that leave, in each of the ways there are: their upstream calls are cancelled."""

import asyncio
import json
import socket
import struct
import time
from collections.abc import Callable
from typing import Any

import pytest

from coro_core import GenerateRequest
from support.plugins import NO_REAL_PLUGINS, Echo, Installer
from support.server import running

CLIENTS = 100
PROMISED_SECONDS = 0.5


def send_fin(sock: socket.socket) -> None:
    sock.close()


def send_rst(sock: socket.socket) -> None:
    # Lingering for no time at all turns the closing into a reset.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def close_half(sock: socket.socket) -> None:
    sock.shutdown(socket.SHUT_WR)


class Waiting(Echo):
    """Waits for ever, and counts who came and who was sent away when."""

    current: "Waiting"

    def __init__(self) -> None:
        self.everybody = asyncio.Event()
        self.nobody = asyncio.Event()
        self.inside = 0
        Waiting.current = self

    async def generate(self, request: GenerateRequest) -> Any:
        self.inside += 1
        if self.inside == CLIENTS:
            self.everybody.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.inside -= 1
            if not self.inside:
                self.nobody.set()


@pytest.mark.parametrize("leave", [send_fin, send_rst, close_half])
async def test_a_hundred_clients_that_leave_cancel_a_hundred_calls_in_time(
    install: Installer, leave: Callable[[socket.socket], None]
) -> None:
    install.add("waiting", Waiting)
    body = json.dumps({"prompt": "Hello", "models": ["echo"], "timeout": 60}).encode()
    head = (
        "POST /chat HTTP/1.1\r\nHost: coro\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    async with running(NO_REAL_PLUGINS) as client:
        address = (client.base_url.host, client.base_url.port or 0)
        sockets = []
        for _ in range(CLIENTS):
            sock = socket.socket()
            sock.setblocking(False)
            await asyncio.get_running_loop().sock_connect(sock, address)
            await asyncio.get_running_loop().sock_sendall(sock, head.encode() + body)
            sockets.append(sock)
        async with asyncio.timeout(30):
            await Waiting.current.everybody.wait()

        left = time.monotonic()
        for sock in sockets:
            leave(sock)
        async with asyncio.timeout(30):
            await Waiting.current.nobody.wait()
        took = time.monotonic() - left
        for sock in sockets:
            sock.close()
        assert (await client.get("/health")).status_code == 200
    # The promise that the product makes, not a measure of speed.
    assert took <= PROMISED_SECONDS
