"""A wall clock that jumps by hours: it is for people to read, and decides nothing."""

import itertools
import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from support.paths import TESTS
from support.plugins import NO_REAL_PLUGINS, Installer
from support.server import Process

SOON_SECONDS = 20
"""Later than anything here is due on a busy machine, sooner than any of the clock's jumps."""
BODY_SECONDS = 1.0
LIMIT_SECONDS = 2.0

JUMPING = """
import datetime
import itertools
import time

HOUR = 3600
POSITIONS = 1000
real = time.time
looks = itertools.count()

def jumping():
    # Forth and back, each time by an hour more: no two looks in a row are less than hours apart.
    number = next(looks) % POSITIONS
    return real() + HOUR * (number if number % 2 else -number)

class Jumping(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls.fromtimestamp(jumping(), tz)

time.time = jumping
time.time_ns = lambda: int(jumping() * 1e9)
datetime.datetime = Jumping
"""

PLUGIN = """
import asyncio
from coro_core import RateLimited
from support.plugins import Echo, answer, model

class Plugin(Echo):
    models = (model("echo"), model("limited"))
    refused = False

    async def generate(self, request):
        if request.model == "limited-upstream" and not self.refused:
            self.refused = True
            raise RateLimited(retry_after=float(request.prompt))
        print("a call has begun", flush=True)
        await asyncio.sleep(float(request.prompt))
        return answer("done")
"""


@pytest.fixture
def install(install: Installer) -> Installer:
    """Below the folder of which the clock jumps whenever anything in Python looks at it."""
    # Python imports a module of this name before anything else.
    (install.directory / "sitecustomize.py").write_text(JUMPING)
    return install


@pytest.fixture
def server(install: Installer, tmp_path: Path) -> Iterator[Process]:
    install.add_source("clocked", PLUGIN)
    environ = {
        **NO_REAL_PLUGINS,
        "PYTHONPATH": f"{install.directory}:{TESTS}",
        "CORO_BODY_TIMEOUT": str(BODY_SECONDS),
        "CORO_TIMEOUT": "60",
    }
    with Process("serve", "--port", "0", cwd=tmp_path, environ=environ) as server:
        reported = [httpx.get(f"{server.address()}/health").json()["timestamp"] for _ in range(3)]
        times = [datetime.fromisoformat(text).timestamp() for text in reported]
        assert all(abs(one - other) > 3000 for one, other in itertools.pairwise(times))
        yield server
    assert "Traceback" not in server.output


def row(address: str, prompt: object, model: str = "echo", **fields: object) -> dict[str, Any]:
    """Ask one model, and return its row."""
    body = {"prompt": str(prompt), "models": [model], **fields}
    [row] = httpx.post(f"{address}/chat", json=body, timeout=60).json()["responses"]
    assert isinstance(row, dict)
    return row


def test_answers_and_deadlines_come_when_they_are_due(server: Process) -> None:
    address = server.address()
    for _ in range(20):
        assert row(address, 0.01, timeout=SOON_SECONDS)["error_code"] is None
    begin = time.monotonic()
    assert row(address, 60, timeout=1.0)["error_code"] == "timeout"
    assert 1.0 <= time.monotonic() - begin < SOON_SECONDS


def test_a_body_is_waited_for_as_long_as_is_set(server: Process) -> None:
    target = urlsplit(server.address())
    with socket.create_connection((target.hostname, target.port), timeout=60) as connection:
        begin = time.monotonic()
        connection.sendall(
            b"POST /chat HTTP/1.1\r\nHost: coro.example\r\nContent-Type: application/json\r\n"
            b"Content-Length: 100\r\n\r\n"
        )
        assert connection.recv(4096).startswith(b"HTTP/1.1 408")
        assert BODY_SECONDS <= time.monotonic() - begin < SOON_SECONDS


def test_a_model_is_asked_again_when_its_limit_is_over(server: Process) -> None:
    address = server.address()
    begin = time.monotonic()
    first = row(address, LIMIT_SECONDS, "limited", timeout=1.0)
    assert (first["error_code"], first["retry_after_s"]) == ("rate_limited", LIMIT_SECONDS)
    while row(address, 0, "limited")["error_code"] is not None:
        assert time.monotonic() - begin < SOON_SECONDS
        time.sleep(0.05)
    assert time.monotonic() - begin >= LIMIT_SECONDS


def test_a_stop_waits_for_requests_in_flight(server: Process) -> None:
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(row, server.address(), 2)
        server.wait_for("a call has begun")
        server.popen.send_signal(signal.SIGTERM)
        begin = time.monotonic()
        assert server.wait() in (0, -signal.SIGTERM)
        assert time.monotonic() - begin < SOON_SECONDS
        assert asked.result()["error_code"] is None
    assert "cut off" not in server.output


def test_the_clients_of_the_providers_do_not_mind_either(
    install: Installer, tmp_path: Path
) -> None:
    # gRPC asks both Python's clock and C's, which differ here as on no machine.
    environ = {"PYTHONPATH": str(install.directory), "GEMINI_SDK": "google-genai"}
    with Process("serve", "--demo", "--port", "0", cwd=tmp_path, environ=environ) as server:
        address = server.address()
        models = [it["id"] for it in httpx.get(f"{address}/models", timeout=60).json()["models"]]
        assert models
        for _ in range(5):
            body = {"prompt": "Hello", "models": models, "timeout": SOON_SECONDS}
            rows = httpx.post(f"{address}/chat", json=body, timeout=60).json()["responses"]
            assert [it["error_code"] for it in rows] == [None] * len(models)
    assert "Traceback" not in server.output
