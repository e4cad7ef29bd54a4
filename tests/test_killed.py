"""A server that is killed leaves nothing behind that the next one would trip over."""

import os
import signal
from pathlib import Path

import httpx

from support.plugins import NO_REAL_PLUGINS, Installer
from support.server import Process

KILLS = int(os.environ.get("TEST_KILLS", "3"))
"""How many; `TEST_KILLS=50` for the long profile."""
ECHO = "from support.plugins import Echo as Plugin\n"


def test_after_a_kill_the_same_port_is_served_again(install: Installer, tmp_path: Path) -> None:
    install.add_source("echo", ECHO)
    environ = {
        "PYTHONPATH": f"{install.directory}:{Path(__file__).parent}",
        "HOME": str(tmp_path),
        "TMPDIR": str(tmp_path),
        **NO_REAL_PLUGINS,
    }
    before, port = sorted(tmp_path.rglob("*")), "0"
    for _ in range(KILLS):
        with Process("serve", "--port", port, cwd=tmp_path, environ=environ) as server:
            address = server.address()
            port = address.rpartition(":")[2]
            body = {"prompt": "Hi", "models": ["echo"]}
            with httpx.Client(timeout=60) as client:
                assert client.post(f"{address}/chat", json=body).status_code == 200
                # In the midst of a connection.
                server.popen.send_signal(signal.SIGKILL)
                assert server.wait() == -signal.SIGKILL
    assert sorted(tmp_path.rglob("*")) == before
