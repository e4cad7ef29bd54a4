"""Measure a cold start on a host as small as a free plan: a tenth of a core and 512 MB.

    sudo python scripts/cold_start.py [--runs 3] .venv/bin/coro serve --demo

Puts the server into a control group (version 1 or 2, Linux, root) with these limits and prints, for
each run: seconds until /health answers; seconds from then until a first POST /chat to every model
is answered; the CPU seconds spent; the most memory that the group held, the kernel's file cache
included, and that the process itself held. The command must take PORT from the environment.
"""

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

CORES, MEGABYTES = 0.1, 512
PERIOD_US = 100_000
GIVE_UP_SECONDS = 180.0
ROOT = Path("/sys/fs/cgroup")
NAME = "coro_cold_start"


class Group:
    """A control group with the limits."""

    def __init__(self) -> None:
        limit, quota = str(MEGABYTES * 1024 * 1024), int(CORES * PERIOD_US)
        if (ROOT / "cgroup.controllers").exists():
            (ROOT / "cgroup.subtree_control").write_text("+cpu +memory")
            self.folders = [ROOT / NAME]
            limits = {"cpu.max": f"{quota} {PERIOD_US}", "memory.max": limit}
            self._peak = self.folders[0] / "memory.peak"
        else:
            self.folders = [ROOT / kind / NAME for kind in ("cpu", "memory")]
            limits = {"cpu.cfs_quota_us": str(quota), "memory.limit_in_bytes": limit}
            self._peak = self.folders[1] / "memory.max_usage_in_bytes"
        for folder in self.folders:
            folder.mkdir(exist_ok=True)
            for file, value in limits.items():
                if (folder / file).exists():
                    (folder / file).write_text(value)

    def enter(self) -> None:
        """Move the calling process into the group."""
        for folder in self.folders:
            (folder / "cgroup.procs").write_text(str(os.getpid()))

    def peak_mib(self) -> float:
        """Return the most memory that the group held."""
        return int(self._peak.read_text()) / 2**20

    def remove(self) -> None:
        """Remove the group, once it is empty."""
        for folder in self.folders:
            folder.rmdir()


def main() -> None:
    """Print a line for each run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("command", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    print(f"{CORES:g} cores, {MEGABYTES} MB: {' '.join(arguments.command)}")
    print("health s  first answer s  CPU s  group MiB  process MiB")
    for _ in range(arguments.runs):
        print("{:8.1f}  {:14.1f}  {:5.1f}  {:9.0f}  {:11.0f}".format(*measure(arguments.command)))


def measure(command: list[str]) -> tuple[float, float, float, float, float]:
    """Start the server in a group of its own, ask it once, and stop it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    group = Group()
    started = time.monotonic()
    server = subprocess.Popen(
        command,
        env={**os.environ, "PORT": str(port)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=group.enter,
    )
    try:
        ask(port, "/health", server)
        healthy = time.monotonic() - started
        models = [model["id"] for model in json.loads(ask(port, "/models", server))["models"]]
        body = {"prompt": "What is 2+2?", "models": models, "timeout": 60}
        reply = json.loads(ask(port, "/chat", server, json.dumps(body).encode()))
        if reply["failed"]:
            sys.exit("Not every model answered: the figures would mean nothing.")
        answered = time.monotonic() - started - healthy
        stat = Path(f"/proc/{server.pid}/stat").read_text().rpartition(")")[2].split()
        cpu = (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")
        status = Path(f"/proc/{server.pid}/status").read_text()
        process = int(status.partition("VmHWM:")[2].split()[0]) / 1024
        return healthy, answered, cpu, group.peak_mib(), process
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait()
        group.remove()


def ask(port: int, path: str, server: subprocess.Popen[bytes], body: bytes | None = None) -> bytes:
    """Return the server's answer, as soon as it gives one."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}", body, {"Content-Type": "application/json"}
    )
    deadline = time.monotonic() + GIVE_UP_SECONDS
    while server.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(request, timeout=GIVE_UP_SECONDS) as reply:
                return bytes(reply.read())
        except ConnectionError:
            pass
        except urllib.error.URLError as exc:
            if not isinstance(exc.reason, ConnectionError):
                raise
        time.sleep(0.02)
    sys.exit("The server did not answer.")


main()
