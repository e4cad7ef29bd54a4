"""The application over real sockets: in this process, or in one of its own."""

import asyncio
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI

from coro_core.server.http_protocol import BoundedHttpProtocol
from coro_core.web.app import create_app
from support.inherited import inherited
from support.polling import eventually

START_SECONDS = 60.0


class ServerWithoutSignals(uvicorn.Server):
    """A server that leaves the signal handlers of the test runner alone."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Handle no signal."""
        yield


@asynccontextmanager
async def running(
    environ: Mapping[str, str] | None = None,
    *,
    http: type[BoundedHttpProtocol] = BoundedHttpProtocol,
) -> AsyncIterator[httpx.AsyncClient]:
    """Serve an application with these settings and yield a client for it, its plugins open."""
    app = create_app({} if environ is None else environ)
    async with serving(app, http=http) as client:
        await app.state.engine.plugins.wait_ready()
        yield client


@asynccontextmanager
async def serving(
    app: FastAPI, *, http: type[BoundedHttpProtocol] = BoundedHttpProtocol
) -> AsyncIterator[httpx.AsyncClient]:
    """Serve an application and yield a client for it."""
    # With the protocol named: asyncio sends small replies without delay over such sockets only.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen(1024)
    server = ServerWithoutSignals(
        uvicorn.Config(
            app,
            http=http,
            log_config=None,
            access_log=False,
            lifespan="on",
            loop="asyncio",
            ws="none",
        )
    )
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        await eventually(lambda: server.started or serving.done())
        assert server.started, "the server did not start"
        host, port = listener.getsockname()
        async with httpx.AsyncClient(base_url=f"http://{host}:{port}", timeout=60) as client:
            yield client
    finally:
        server.should_exit = True
        await serving
        listener.close()


async def ask(client: httpx.AsyncClient, *models: str, **fields: Any) -> httpx.Response:
    """Post a chat request with a prompt that does not matter."""
    return await client.post("/chat", json={"prompt": "Hello", "models": list(models), **fields})


def free_port() -> str:
    """Return a port that is free now, for programs that cannot choose one themselves."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return str(taken.getsockname()[1])


def wait_until_it_listens(server: subprocess.Popen[Any], port: int) -> None:
    """Wait for a server that does not report its start."""
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        assert server.poll() is None, "it did not start"
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except ConnectionRefusedError:
            time.sleep(0.02)
        else:
            return
    raise AssertionError("it did not listen in time")


class Process:
    """`coro ...` in a process of its own; its output is collected while it runs."""

    def __init__(
        self,
        *arguments: str,
        cwd: Path,
        environ: Mapping[str, str],
        python: str | Path = sys.executable,
    ) -> None:
        self.lines: list[str] = []
        self._changed = threading.Condition()
        self.popen = subprocess.Popen(
            [python, "-m", "coro_core", *arguments],
            cwd=cwd,
            env={**inherited("PATH", "HOME", "LANG"), **environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def output(self) -> str:
        """Its output so far."""
        return "".join(self.lines)

    def address(self) -> str:
        """Wait until it serves, and return its address."""
        return self.wait_for(r"running on (http://[\d.:]+)")[1]

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Wait until its output matches `pattern`."""
        with self._changed:
            self._changed.wait_for(
                lambda: re.search(pattern, self.output) or not self._reader.is_alive(),
                START_SECONDS,
            )
        match = re.search(pattern, self.output)
        assert match, f"it did not say {pattern!r}:\n{self.output}"
        return match

    def wait(self) -> int:
        """Wait for its end and return the exit code."""
        code = self.popen.wait(START_SECONDS)
        self._reader.join(START_SECONDS)
        return code

    def stop(self) -> int:
        """Ask it to stop, and return the exit code."""
        if self.popen.poll() is None:
            self.popen.send_signal(signal.SIGTERM)
        return self.wait()

    def __enter__(self) -> "Process":
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.stop()
        finally:
            self.popen.kill()
            if self.popen.stdout:
                self.popen.stdout.close()

    def _read(self) -> None:
        assert self.popen.stdout is not None
        for line in self.popen.stdout:
            with self._changed:
                self.lines.append(line)
                self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()
