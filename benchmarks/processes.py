"""Child processes that are measured: pinned to a core, asked for their figures, and ended."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

ROOT = Path(__file__).parents[1]
START_SECONDS = 60.0
STOP_SECONDS = 20.0
REST_LOOK_SECONDS = 0.1
REST_LOOKS = 600
AT_REST = 0.1
"""Of a core."""


class Child:
    """A process of our own on one core; it is ended when the block is left."""

    def __init__(
        self, arguments: list[str], *, core: int, environ: Mapping[str, str] | None = None
    ) -> None:
        inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        self._name = " ".join(arguments[1:])
        self.started = time.monotonic()
        self._process = subprocess.Popen(  # noqa: S603 - our own arguments
            arguments,
            cwd=ROOT,
            env={**inherited, **(environ or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            preexec_fn=lambda: os.sched_setaffinity(0, {core}),
        )

    def __enter__(self) -> "Child":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def read_line(self) -> str:
        """Return the next line of its standard output. Raises `RuntimeError` when it has ended."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._name} ended with {self._process.wait()}")
        return line

    def write_line(self, line: str) -> None:
        """Send a line to its standard input."""
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def cpu_seconds(self) -> float:
        """Return the CPU time that all its threads have used, in seconds."""
        tasks = Path(f"/proc/{self._process.pid}/task")
        nanoseconds = sum(
            int((task / "schedstat").read_text().split()[0]) for task in tasks.iterdir()
        )
        return nanoseconds / 1e9

    def wait_until_at_rest(self) -> None:
        """Wait until it uses hardly any CPU, for a minute at most."""
        for _ in range(REST_LOOKS):
            before = self.cpu_seconds()
            time.sleep(REST_LOOK_SECONDS)
            if self.cpu_seconds() - before < AT_REST * REST_LOOK_SECONDS:
                return

    def memory_mib(self, field: str = "VmRSS") -> float:
        """Return its memory in MiB: `VmRSS` now, `VmHWM` at its highest."""
        for line in Path(f"/proc/{self._process.pid}/status").read_text().splitlines():
            if line.startswith(f"{field}:"):
                return int(line.split()[1]) / 1024
        raise RuntimeError(f"no {field} of process {self._process.pid}")

    def wait_until_served(self, port: int, path: str = "/health") -> float:
        """Wait until `path` answers, and return the seconds since the process was started."""
        request = f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()
        while True:
            try:
                with socket.create_connection(("127.0.0.1", port), 5) as connection:
                    connection.sendall(request)
                    if connection.recv(16).startswith(b"HTTP/1.1"):
                        return time.monotonic() - self.started
            except OSError:
                pass
            if self._process.poll() is not None or time.monotonic() - self.started > START_SECONDS:
                raise RuntimeError(f"{self._name} does not serve port {port}")
            time.sleep(0.002)


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that is free now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def python(*arguments: str) -> list[str]:
    """Return the command line of a Python process with these arguments."""
    return [sys.executable, *arguments]
