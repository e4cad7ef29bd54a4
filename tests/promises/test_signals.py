"""Stopping: requests in flight are answered, at whatever moment the signal comes."""

import os
import random
import re
import signal
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from support.paths import TESTS
from support.plugins import NO_REAL_PLUGINS, Installer
from support.server import START_SECONDS, Process, free_port

STOPS = int(os.environ.get("TEST_STOPS", "5"))
"""Number of stops at random moments; `TEST_STOPS=200` for the long profile."""
CLIENTS = 8
KILLS = 3
AT_ONCE_SECONDS = 10
GRACE_SECONDS = 5

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
    return {"PYTHONPATH": f"{install.directory}:{TESTS}", **NO_REAL_PLUGINS, **more}


def chat(address: str, prompt: str, **fields: object) -> httpx.Response:
    body = {"prompt": prompt, "models": ["echo"], **fields}
    return httpx.post(f"{address}/chat", json=body, timeout=60)


def test_no_answer_is_lost_whenever_the_signal_comes(install: Installer, tmp_path: Path) -> None:
    """A request whose connection was accepted is answered; a refused connection is no loss."""
    install.add_source("slow", SLOW)
    chance = seeded()
    for _ in range(STOPS):
        with Process("serve", "--port", "0", cwd=tmp_path, environ=environ(install)) as server:
            assert_no_answer_is_lost(server, chance)


def seeded() -> random.Random:
    """Return the chance of one test, whose seed is printed."""
    seed = random.randrange(2**32)
    print(f"seed {seed}, {STOPS} stops")
    return random.Random(seed)


def assert_no_answer_is_lost(server: Process, chance: random.Random) -> None:
    """Ask without a pause, tell the server to stop some time, and look at every outcome."""
    address = server.address()
    stopping = threading.Event()
    outcomes: list[int | str] = []

    def ask() -> None:
        while not stopping.is_set():
            try:
                outcomes.append(chat(address, "0.05").status_code)
            except httpx.ConnectError:
                # Not accepted any more: the caller knows that nothing was done.
                return
            if outcomes[-1] == 503:
                return

    wait_until_served(address)
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


def wait_until_served(address: str) -> None:
    """Wait for workers, whose parent says where they serve before they do."""
    with httpx.Client(transport=httpx.HTTPTransport(retries=8), timeout=60) as client:
        assert client.get(f"{address}/health").status_code == 200


@contextmanager
def stopping_with_a_call_that_lasts(
    install: Installer, folder: Path, *arguments: str
) -> Iterator[Process]:
    """Yield a server that got a signal to stop and waits for a call of half a minute."""
    install.add_source("slow", SLOW)
    more = environ(install, CORO_SHUTDOWN_GRACE="60", CORO_TIMEOUT="60")
    with (
        ThreadPoolExecutor() as pool,
        Process("serve", *arguments, cwd=folder, environ=more) as server,
    ):
        address = server.address()
        # Several workers say where they serve before they do.
        request = pool.submit(_outcome, address, retries=8)
        server.wait_for("a call has begun")
        server.popen.send_signal(signal.SIGTERM)
        yield server
        assert request.result() == 0
    assert "Traceback" not in server.output


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_the_process_at_once(
    install: Installer, tmp_path: Path, second: signal.Signals
) -> None:
    with stopping_with_a_call_that_lasts(install, tmp_path, "--port", "0") as server:
        address = server.address()
        while True:
            refused = httpx.post(f"{address}/chat", json={"prompt": "0", "models": ["echo"]})
            if refused.status_code == 503:
                break
        assert refused.json()["type"] == "urn:coro:problem:shutting-down"
        server.popen.send_signal(second)
        # The call lasts thirty seconds, and the grace would allow sixty.
        assert server.popen.wait(AT_ONCE_SECONDS) == -second
    assert "stopped at once by a second signal" in server.output


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_every_worker_at_once(
    install: Installer, tmp_path: Path, second: signal.Signals
) -> None:
    arguments = ("--port", free_port(), "--workers", "2")
    with stopping_with_a_call_that_lasts(install, tmp_path, *arguments) as server:
        server.wait_for("Terminated child process .*(\n.*)*Terminated child process")
        server.popen.send_signal(second)
        server.popen.wait(AT_ONCE_SECONDS)
    for pid in workers(server):
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


@pytest.mark.parametrize("workers_arguments", [(), ("--workers", "2")], ids=["one", "two"])
def test_a_server_that_was_killed_serves_again_from_the_same_port(
    install: Installer, tmp_path: Path, workers_arguments: tuple[str, ...]
) -> None:
    install.add_source("slow", SLOW)
    arguments = ("serve", "--port", free_port(), *workers_arguments)
    for _ in range(KILLS):
        with Process(*arguments, cwd=tmp_path, environ=environ(install)) as server:
            address = server.address()
            assert _outcome(address, "0", retries=8) == 200
            server.popen.kill()
            server.wait()
            # The last one to hold the port is gone when nobody is connected to any more.
            end = time.monotonic() + START_SECONDS
            while _outcome(address, "0"):
                assert time.monotonic() < end, "it went on without its parent"
        assert "Traceback" not in server.output


def test_no_answer_of_several_workers_is_lost(install: Installer, tmp_path: Path) -> None:
    install.add_source("slow", SLOW)
    chance = seeded()
    for _ in range(STOPS):
        arguments = ("serve", "--port", free_port(), "--workers", "2")
        with Process(*arguments, cwd=tmp_path, environ=environ(install)) as server:
            assert_no_answer_is_lost(server, chance)
        assert len(workers(server)) == 2


def workers(server: Process) -> set[int]:
    """Return the processes in a server's log, except the first."""
    return {int(pid) for pid in re.findall(r"Started server process \[(\d+)\]", server.output)}


def test_requests_that_outlast_the_grace_get_a_503_and_do_not_delay_the_end(
    install: Installer, tmp_path: Path
) -> None:
    install.add_source("slow", SLOW)
    more = environ(install, CORO_SHUTDOWN_GRACE=str(GRACE_SECONDS), CORO_TIMEOUT="60")
    with (
        Process("serve", "--port", "0", cwd=tmp_path, environ=more) as server,
        ThreadPoolExecutor() as pool,
    ):
        address = server.address()
        request = pool.submit(chat, address, "30", timeout=60)
        server.wait_for("a call has begun")
        begin = time.monotonic()
        server.popen.send_signal(signal.SIGTERM)
        assert server.wait() in (0, -signal.SIGTERM)
        took = time.monotonic() - begin
        print(f"{took:.1f} s, of which {GRACE_SECONDS} of grace")
        # The server's own wait for what is open does not begin all over again.
        assert GRACE_SECONDS <= took < 2 * GRACE_SECONDS
        assert request.result().status_code == 503
        assert request.result().json()["type"] == "urn:coro:problem:shutting-down"
    assert "requests cut off by the stop" in server.output
    assert "Traceback" not in server.output


def _outcome(address: str, prompt: str = "30", *, retries: int = 0) -> int:
    """Return the status of one request, 0 if there was no answer."""
    try:
        body = {"prompt": prompt, "models": ["echo"], "timeout": 60}
        with httpx.Client(transport=httpx.HTTPTransport(retries=retries), timeout=60) as client:
            return client.post(f"{address}/chat", json=body).status_code
    except httpx.HTTPError:
        return 0


def test_a_low_limit_of_descriptors_is_survived(install: Installer, tmp_path: Path) -> None:
    install.add_source("slow", SLOW)
    with _limited("ulimit -n 64", install, tmp_path) as server:
        address = server.address()
        with ThreadPoolExecutor(150) as pool:
            list(pool.map(lambda _: _quietly(address), range(150)))
        assert chat(address, "0.01").status_code == 200
        assert server.popen.poll() is None


def test_a_limit_of_descriptors_that_may_be_raised_is_raised(
    install: Installer, tmp_path: Path
) -> None:
    install.add_source("slow", SLOW)
    with _limited("ulimit -S -n 64; ulimit -H -n 300", install, tmp_path) as server:
        server.address()
        limits = Path(f"/proc/{server.popen.pid}/limits").read_text()
    assert re.search(r"^Max open files +300 +300 ", limits, re.MULTILINE)


def _limited(limits: str, install: Installer, tmp_path: Path) -> Process:
    """Start a server with the limits that a line of shell sets."""
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\n{limits}\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    arguments = ("serve", "--port", "0")
    return Process(*arguments, cwd=tmp_path, environ=environ(install), python=python)


def _quietly(address: str) -> None:
    # This test does not look at connections rejected at the limit.
    with suppress(httpx.HTTPError):
        httpx.post(f"{address}/chat", json={"prompt": "0.3", "models": ["echo"]}, timeout=10)


def test_a_hangup_loses_no_call_in_flight(install: Installer, tmp_path: Path) -> None:
    install.add_source("slow", SLOW)
    with (
        ThreadPoolExecutor() as pool,
        Process("serve", "--port", "0", cwd=tmp_path, environ=environ(install)) as server,
    ):
        request = pool.submit(chat, server.address(), "1")
        server.wait_for("a call has begun")
        server.popen.send_signal(signal.SIGHUP)
        assert request.result().json()["responses"][0]["error"] is None
        assert server.wait() == 0
    assert "Traceback" not in server.output
