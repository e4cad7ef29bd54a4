"""Stopping: requests at work are answered, whenever the signal comes."""

import os
import random
import resource
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import httpx

from support.plugins import NO_REAL_PLUGINS, Installer
from support.server import Process

SUPPORT = Path(__file__).parent
STOPS = int(os.environ.get("TEST_STOPS", "5"))
"""How many stops at random moments; `TEST_STOPS=200` for the long profile."""
CLIENTS = 8

SLOW = """
import asyncio
from support.plugins import Echo, answer
class Plugin(Echo):
    async def generate(self, request):
        print("a call has begun", flush=True)
        await asyncio.sleep(float(request.prompt))
        return answer("done")
"""


def environ(install: Installer, **more: str) -> dict[str, str]:
    return {"PYTHONPATH": f"{install.directory}:{SUPPORT}", **NO_REAL_PLUGINS, **more}


def chat(address: str, prompt: str) -> httpx.Response:
    body = {"prompt": prompt, "models": ["echo"]}
    return httpx.post(f"{address}/chat", json=body, timeout=60)


def test_no_answer_is_lost_whenever_the_signal_comes(install: Installer, tmp_path: Path) -> None:
    """A request whose connection was accepted is answered; a refused connection is no loss."""
    install.add_source("slow", SLOW)
    seed = random.randrange(2**32)
    chance = random.Random(seed)
    print(f"seed {seed}, {STOPS} stops")
    for _ in range(STOPS):
        with Process("serve", "--port", "0", cwd=tmp_path, environ=environ(install)) as server:
            address = server.address()
            stopping = threading.Event()
            outcomes: list[int | str] = []

            def ask(
                address: str = address,
                stopping: threading.Event = stopping,
                outcomes: list[int | str] = outcomes,
            ) -> None:
                while not stopping.is_set():
                    try:
                        outcomes.append(chat(address, "0.05").status_code)
                    except httpx.ConnectError:
                        # Not accepted any more: the caller knows that nothing was done.
                        return
                    if outcomes[-1] == 503:
                        return

            with ThreadPoolExecutor(CLIENTS) as pool:
                clients = [pool.submit(ask) for _ in range(CLIENTS)]
                server.wait_for("a call has begun")
                time.sleep(chance.uniform(0.0, 0.3))
                server.popen.send_signal(signal.SIGTERM)
                code = server.wait()
                stopping.set()
                for client in clients:
                    client.result()
            assert code in (0, -signal.SIGTERM), server.output
            assert outcomes
            assert set(outcomes) <= {200, 503}
            assert "Traceback" not in server.output


def test_requests_that_outlast_the_grace_do_not_hold_up_the_end(
    install: Installer, tmp_path: Path
) -> None:
    install.add_source("slow", SLOW)
    more = environ(install, CORO_SHUTDOWN_GRACE="1", CORO_MODEL_TIMEOUT="60")
    with (
        Process("serve", "--port", "0", cwd=tmp_path, environ=more) as server,
        ThreadPoolExecutor() as pool,
    ):
        address = server.address()
        request = pool.submit(_outcome, address)
        server.wait_for("a call has begun")
        server.popen.send_signal(signal.SIGTERM)
        assert server.wait() in (0, -signal.SIGTERM)
        assert request.result() != 200
    assert "Traceback" not in server.output


def _outcome(address: str) -> int:
    try:
        body = {"prompt": "30", "models": ["echo"], "timeout": 60}
        return httpx.post(f"{address}/chat", json=body, timeout=60).status_code
    except httpx.HTTPError:
        return 0


def test_a_low_limit_of_descriptors_is_survived(install: Installer, tmp_path: Path) -> None:
    install.add_source("slow", SLOW)
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, before[1]))
    try:
        server = Process("serve", "--port", "0", cwd=tmp_path, environ=environ(install))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    with server:
        address = server.address()
        with ThreadPoolExecutor(150) as pool:
            list(pool.map(lambda _: _quietly(address), range(150)))
        assert chat(address, "0.01").status_code == 200
        assert server.popen.poll() is None


def _quietly(address: str) -> None:
    # What is turned away at the limit is not the point.
    with suppress(httpx.HTTPError):
        httpx.post(f"{address}/chat", json={"prompt": "0.3", "models": ["echo"]}, timeout=10)
