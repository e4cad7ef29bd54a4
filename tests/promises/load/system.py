"""CORO as it runs in earnest: a server process before simulated providers in another process."""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from support.paths import TESTS

START_SECONDS = 60.0

KEPT = ("PATH", "HOME", "LANG", "GEMINI_SDK")
"""The variables that a run inherits from the environment."""


def setting(name: str, default: float) -> float:
    """Return a number that the environment may set, as in `make soak SECONDS=60`."""
    return float(os.environ.get(name) or default)


class Providers:
    """The process of the simulators."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._popen = subprocess.Popen(
            [sys.executable, "-m", "load.providers"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**environ, "PYTHONPATH": str(TESTS)},
            text=True,
        )
        ready = json.loads(self._line())
        self.plugins: list[str] = ready["plugins"]
        self.settings: dict[str, str] = ready["settings"]

    def behave(self, **fields: Any) -> dict[str, int]:
        """Make all of them behave alike; return how many calls each has had."""
        return self.tell({plugin: fields for plugin in self.plugins})

    def tell(self, script: Mapping[str, Mapping[str, Any]]) -> dict[str, int]:
        """Script each provider; return the number of calls of each."""
        assert self._popen.stdin is not None
        self._popen.stdin.write(json.dumps(script) + "\n")
        self._popen.stdin.flush()
        return dict(json.loads(self._line()))

    def stop(self) -> None:
        """Let it come to its end."""
        assert self._popen.stdin is not None
        assert self._popen.stdout is not None
        self._popen.stdin.close()
        try:
            self._popen.wait(10)
        finally:
            self._popen.kill()
            self._popen.stdout.close()

    def _line(self) -> str:
        assert self._popen.stdout is not None
        line = self._popen.stdout.readline()
        if not line:
            raise SystemExit("the simulators ended; their message is above")
        return line


class Server:
    """The process of `coro serve`, with its log in a file."""

    def __init__(self, environ: Mapping[str, str], folder: Path) -> None:
        self.log = folder / "coro.log"
        with self.log.open("wb") as log:
            self._popen = subprocess.Popen(
                [sys.executable, "-m", "coro_core", "serve", "--port", "0"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=folder,
                env=dict(environ),
            )
        self.port = self._wait_for_port()

    @property
    def alive(self) -> bool:
        """True while it is running."""
        return self._popen.poll() is None

    def cpu_seconds(self) -> float:
        """Return the processor time that it has used."""
        fields = Path(f"/proc/{self._popen.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident_kib(self, *, peak: bool = False) -> int:
        """Return the memory that it holds, or the most that it ever held."""
        status = Path(f"/proc/{self._popen.pid}/status").read_text()
        match = re.search(rf"{'VmHWM' if peak else 'VmRSS'}:\s+(\d+) kB", status)
        assert match is not None
        return int(match[1])

    def descriptors(self) -> int:
        """Return how many files and sockets it has open."""
        return len(os.listdir(f"/proc/{self._popen.pid}/fd"))

    def tracebacks(self) -> int:
        """Return how many its log holds."""
        return self.log.read_bytes().count(b"Traceback")

    def get(self, path: str) -> Any:
        """Return the JSON of one of its routes."""
        with urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=30) as reply:
            return json.load(reply)

    def stop(self) -> int:
        """Ask it to stop, and return its exit code."""
        self._popen.send_signal(signal.SIGTERM)
        try:
            return self._popen.wait(30)
        finally:
            self._popen.kill()

    def _wait_for_port(self) -> int:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.alive:
            if match := re.search(rb"running on http://[\d.]+:(\d+)", self.log.read_bytes()):
                return int(match[1])
            time.sleep(0.05)
        raise SystemExit(f"the server did not start:\n{self.log.read_text()}")


@dataclass(frozen=True, slots=True)
class System:
    """Both, ready: every plugin's first model has been found to be available."""

    providers: Providers
    server: Server
    upstreams: Mapping[str, str]
    """The provider's own name of one model of each plugin."""
    models: Mapping[str, str]
    """One model id of each plugin that is simulated."""

    def new_names(self, number: int) -> list[str]:
        """Return for each plugin a name that has not been asked for yet, given a new number."""
        return [f"{plugin}:{name}.{number}" for plugin, name in self.upstreams.items()]


@contextmanager
def running(environ: Mapping[str, str] | None = None) -> Iterator[System]:
    """Start both with these settings of CORO, and stop them at the end."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    with tempfile.TemporaryDirectory() as folder:
        providers = Providers(kept)
        try:
            server = Server({**kept, **providers.settings, **(environ or {})}, Path(folder))
            try:
                models = _models(server, providers.plugins)
                known = {model["id"]: model for model in server.get("/models")["models"]}
                upstreams = {name: known[it]["upstream_model"] for name, it in models.items()}
                yield System(providers, server, upstreams, models)
            finally:
                server.stop()
        finally:
            providers.stop()


def _models(server: Server, plugins: list[str]) -> dict[str, str]:
    """Return an id of each plugin, once the providers' own lists are known."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        found = {plugin["name"]: plugin for plugin in server.get("/plugins")["plugins"]}
        chosen = {name: found[name] for name in plugins if found[name]["models"]}
        if len(chosen) == len(plugins) and all(
            plugin["traffic"]["listed"] for plugin in chosen.values()
        ):
            return {name: plugin["models"][0] for name, plugin in chosen.items()}
        time.sleep(0.1)
    raise SystemExit(f"not every plugin got ready:\n{server.log.read_text()}")
