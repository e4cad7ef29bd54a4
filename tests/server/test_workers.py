"""Several workers: each makes its own plugins, clients and chance, and they share the requests."""

import os
import re
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from coro_core.server.runner import LISTEN_HANDLES
from support.paths import TESTS
from support.plugins import Installer
from support.server import START_SECONDS, Process, free_port

REQUESTS, CONNECTIONS = 1000, 50

TELLER = """
import os, random
from contextlib import asynccontextmanager
from coro_core import hookimpl
from coro_core.dispatch.retry import JITTER_SECONDS
from support.plugins import Echo, answer, model

print("imported by", os.getpid(), flush=True)

class Plugin(Echo):
    models = (model("teller"),)

    def __init__(self):
        # From where the jitter of retries comes as well.
        self.drawn = [random.uniform(0, JITTER_SECONDS) for _ in range(4)]

    @hookimpl
    @asynccontextmanager
    async def coro_simulator(self, behaviour):
        yield {}

    async def generate(self, request):
        return answer(f"{os.getpid()} {self.drawn}")
"""


@pytest.fixture
def server(install: Installer, tmp_path: Path) -> Iterator[Process]:
    install.add_source("teller", TELLER)
    environ = {"PYTHONPATH": f"{install.directory}:{TESTS}", "CORO_DEMO": "true"}
    arguments = ("serve", "--port", free_port(), "--workers", "2")
    with Process(*arguments, cwd=tmp_path, environ=environ) as server:
        yield server


def test_each_worker_listens_with_several_handles(server: Process) -> None:
    server.wait_for("(?s)startup complete.*startup complete")
    workers = re.findall(r"Started server process \[(\d+)\]", server.output)
    assert len(workers) == 2
    end = time.monotonic() + START_SECONDS
    while any(most_handles(pid) != LISTEN_HANDLES for pid in workers):
        assert time.monotonic() < end, [most_handles(pid) for pid in workers]
        time.sleep(0.05)


def most_handles(pid: str) -> int:
    """Return the number of descriptors of the socket that has most of them in a process."""
    links = []
    for path in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            links.append(os.readlink(path))
    sockets = Counter(link for link in links if link.startswith("socket:"))
    return max(sockets.values(), default=0)


def test_workers_share_nothing_but_the_port(server: Process) -> None:
    address = server.address()
    for plugin in ("teller", "gemini", "deepseek", "groq"):
        server.wait_for(
            rf'(?s)"plugin": "{plugin}", "state": "ready".*"plugin": "{plugin}", "state": "ready"'
        )
    # Only the workers import plugins; what starts them has its main thread and the log's.
    importers = {int(pid) for pid in re.findall(r"imported by (\d+)", server.output)}
    assert len(importers) == 2
    assert server.popen.pid not in importers
    assert len(os.listdir(f"/proc/{server.popen.pid}/task")) <= 2

    def ask(number: int) -> list[str]:
        # Once on each connection a client made after the start is used as well; that takes as
        # long as the real provider would.
        sibling = ("gemini", "deepseek", "llama-70b")[number % 3]
        said = []
        with httpx.Client(base_url=address, timeout=60) as client:
            for turn in range(REQUESTS // CONNECTIONS):
                models = ["teller"] if turn else ["teller", sibling]
                response = client.post("/chat", json={"prompt": "Hello", "models": models})
                assert response.status_code == 200
                rows = response.json()["responses"]
                assert [row["error"] for row in rows] == [None] * len(models)
                said.append(rows[0]["response"])
        return said

    with ThreadPoolExecutor(8) as pool:
        said = Counter(text for texts in pool.map(ask, range(CONNECTIONS)) for text in texts)
    assert said.total() == REQUESTS
    # One stream of chance for each worker: as many texts as processes.
    assert len(said) == 2
    assert {int(text.split()[0]) for text in said} == importers
    assert len({text.partition(" ")[2] for text in said}) == 2
    print(dict(said))
