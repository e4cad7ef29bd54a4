"""A plugin that changes what belongs to the whole process; its server still answers and stops."""

import signal
from pathlib import Path

import httpx
import pytest

from support.paths import TESTS
from support.plugins import NO_REAL_PLUGINS, Installer
from support.server import Process, free_port, wait_until_it_listens

SIBLING = """
from support.plugins import Echo, model
class Plugin(Echo):
    models = (model("sibling"),)
"""

MEDDLER = """
import asyncio, gc, logging, os, random, signal, socket, sys, threading, warnings
import structlog
from support.plugins import Echo, answer, model

def signals():
    for sig in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sig, signal.SIG_IGN)

def environment():
    os.environ.clear()
    os.chdir("/")

def logs():
    logging.disable(logging.CRITICAL)
    logging.root.handlers.clear()
    logging.basicConfig(force=True)
    structlog.reset_defaults()
    logging.raiseExceptions = True

def output():
    sys.stdout = sys.stderr = None

def loop():
    def fail(loop, context):
        raise RuntimeError("no")
    asyncio.get_running_loop().set_exception_handler(fail)
    async def orphan():
        raise ValueError("unseen")
    asyncio.get_running_loop().create_task(orphan())
    gc.collect()

def defaults():
    random.seed(0)
    socket.setdefaulttimeout(0.001)
    warnings.simplefilter("error")
    sys.setrecursionlimit(300)
    threading.stack_size(32768)

MEDDLE = globals()["{what}"]
if "{when}" == "import":
    MEDDLE()

class Plugin(Echo):
    models = (model("meddler"),)

    async def generate(self, request):
        if "{when}" == "call":
            MEDDLE()
        return answer("done")
"""


@pytest.mark.parametrize(
    ("what", "when"),
    [
        ("signals", "import"),
        ("environment", "import"),
        *((what, "call") for what in ("environment", "logs", "output", "loop", "defaults")),
    ],
)
def test_a_server_with_a_plugin_that_meddles_answers_and_stops(
    install: Installer, tmp_path: Path, what: str, when: str
) -> None:
    install.add_source("meddler", MEDDLER.replace("{what}", what).replace("{when}", when))
    install.add_source("sibling", SIBLING)
    environ = {"PYTHONPATH": f"{install.directory}:{TESTS}", **NO_REAL_PLUGINS}
    port = free_port()
    with Process("serve", "--port", port, cwd=tmp_path, environ=environ) as server:
        # Not by its log, which may be among what the plugin spoilt.
        wait_until_it_listens(server.popen, int(port))
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            for _ in range(3):
                body = {"prompt": "Hello", "models": ["meddler", "sibling"]}
                response = client.post("/chat", json=body)
                assert response.status_code == 200
                meddler, sibling = response.json()["responses"]
                assert meddler["response"] == "done"
                assert sibling["response"] == "Hello"
            assert client.get("/health").status_code == 200
            assert client.post("/chat", content=b"{").status_code == 422
        server.popen.send_signal(signal.SIGTERM)
        assert server.wait() in (0, -signal.SIGTERM)
