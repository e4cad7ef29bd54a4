"""The server as a process of its own: start, stop, and what must not end it."""

import json
import os
import re
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from support.paths import TESTS
from support.plugins import NO_REAL_PLUGINS, Installer
from support.server import START_SECONDS, Process, free_port

HOSTILE = """
from support.plugins import Echo, answer, model
class Plugin(Echo):
    models = (model("exits"), model("interrupts"), model("fine"))
    async def generate(self, request):
        if request.model == "exits-upstream":
            raise SystemExit(3)
        if request.model == "interrupts-upstream":
            raise KeyboardInterrupt
        return answer("fine")
"""

SLOW = """
import asyncio
from support.plugins import Echo, answer
class Plugin(Echo):
    async def generate(self, request):
        print("the call has begun", flush=True)
        await asyncio.sleep(float(request.prompt))
        return answer("done")
"""


def environ(install: Installer, **more: str) -> dict[str, str]:
    return {"PYTHONPATH": f"{install.directory}:{TESTS}", **NO_REAL_PLUGINS, **more}


def chat(address: str, *models: str, prompt: str = "Hello") -> httpx.Response:
    body = {"prompt": prompt, "models": list(models)}
    return httpx.post(f"{address}/chat", json=body, timeout=60)


def test_a_plugin_that_ends_the_process_does_not(install: Installer, tmp_path: Path) -> None:
    install.add_source("hostile", HOSTILE)
    with Process("serve", "--port", "0", cwd=tmp_path, environ=environ(install)) as server:
        address = server.address()
        for _ in range(3):
            rows = chat(address, "exits", "interrupts", "fine").json()["responses"]
            assert [row["error_code"] for row in rows] == ["plugin_fault", "plugin_fault", None]
        assert server.popen.poll() is None


def test_the_port_comes_from_the_environment_and_the_option_wins(
    install: Installer, tmp_path: Path
) -> None:
    port = free_port()
    with Process("serve", cwd=tmp_path, environ=environ(install, PORT=port)) as server:
        assert server.address() == f"http://127.0.0.1:{port}"
    with Process("serve", "--port", "0", cwd=tmp_path, environ=environ(install, PORT="1")) as other:
        assert httpx.get(f"{other.address()}/health").json()["status"] == "ok"


def test_settings_are_read_from_dotenv_and_the_environment_wins(
    install: Installer, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("CORO_MAX_MODELS=1\nCORO_MAX_PROMPT_CHARS=5\n")
    install.add_source("hostile", HOSTILE)
    more = environ(install, CORO_MAX_MODELS="2")
    with Process("serve", "--port", "0", cwd=tmp_path, environ=more) as server:
        address = server.address()
        assert chat(address, "fine", "exits").status_code == 200
        refused = chat(address, "fine", prompt="longer")
    assert refused.status_code == 422
    assert "at most 5 characters" in refused.json()["detail"]


@pytest.mark.parametrize(
    ("more", "dotenv", "said"),
    [
        ({"CORO_TIMEOUT": "soon"}, "", "CORO_TIMEOUT"),
        ({"CORO_MAX_MODELS": "0"}, "", "CORO_MAX_MODELS"),
        ({"PORT": "http"}, "", "PORT"),
        ({"CORO_LOG_LEVEL": "loud"}, "", "CORO_LOG_LEVEL"),
        ({"CORO_DEMO": "true", "CORO_DEMO_FAIL": "nobody"}, "", "CORO_DEMO_FAIL"),
        ({"CORO_DEMO": "true", "CORO_DEMO_FAIL": "hostile=plugin_fault"}, "", "CORO_DEMO_FAIL"),
        ({"CORO_UPSTREAM_EXITS": "big, \udcff"}, "", "CORO_UPSTREAM_EXITS"),
        ({}, None, ".env cannot be read"),
    ],
)
def test_settings_that_cannot_be_used_end_the_start_with_one_line(
    install: Installer, tmp_path: Path, more: dict[str, str], dotenv: str | None, said: str
) -> None:
    if dotenv is None:
        (tmp_path / ".env").write_bytes(b"CORO_DEMO=\xff\xfe\n")
    install.add_source("hostile", HOSTILE)
    with Process("serve", "--port", "0", cwd=tmp_path, environ=environ(install, **more)) as server:
        assert server.wait() != 0
        complaints = [line for line in server.lines if said in line]
    assert len(complaints) == 1
    assert "Traceback" not in server.output


def test_strict_plugins_ends_the_start_with_one_line(install: Installer, tmp_path: Path) -> None:
    install.add_source("broken", "import a_module_that_is_not_there")
    more = environ(install, CORO_STRICT_PLUGINS="true")
    with Process("serve", "--port", "0", cwd=tmp_path, environ=more) as server:
        assert server.wait() != 0
    assert "these plugins are broken: broken" in server.output
    assert "Traceback" not in server.output


def test_a_port_that_is_taken_ends_the_start_with_one_line(
    install: Installer, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with Process("serve", "--port", port, cwd=tmp_path, environ=environ(install)) as server:
            assert server.wait() != 0
    assert "address already in use" in server.output
    assert "Traceback" not in server.output


def test_an_upgrade_is_not_made_whatever_is_installed(install: Installer, tmp_path: Path) -> None:
    upgrade = {"Upgrade": "websocket", "Connection": "upgrade", "Sec-WebSocket-Key": "x"}
    with Process("serve", "--port", "0", cwd=tmp_path, environ=environ(install)) as server:
        reply = httpx.get(f"{server.address()}/chat", headers=upgrade, timeout=60)
    assert reply.status_code == 405


def test_requests_in_flight_are_answered_before_the_end(install: Installer, tmp_path: Path) -> None:
    install.add_source("slow", SLOW)
    with (
        Process("serve", "--port", "0", cwd=tmp_path, environ=environ(install)) as server,
        ThreadPoolExecutor() as pool,
    ):
        address = server.address()
        request = pool.submit(chat, address, "echo", prompt="1.0")
        server.wait_for("the call has begun")
        server.popen.send_signal(signal.SIGTERM)
        assert request.result().json()["responses"][0]["response"] == "done"
        assert server.wait() in (0, -signal.SIGTERM)


def test_several_workers_serve(install: Installer, tmp_path: Path) -> None:
    install.add_source("hostile", HOSTILE)
    with Process(
        "serve", "--port", free_port(), "--workers", "2", cwd=tmp_path, environ=environ(install)
    ) as server:
        address = server.address()
        # The parent says so before its workers listen.
        with httpx.Client(transport=httpx.HTTPTransport(retries=8), timeout=60) as client:
            assert client.get(f"{address}/health").status_code == 200
        assert all(chat(address, "fine").status_code == 200 for _ in range(10))
    started = re.findall(r"Started server process \[(\d+)\]", server.output)
    assert len(set(started)) == 2


def test_no_key_at_all_is_a_working_server_that_says_what_is_missing(tmp_path: Path) -> None:
    with Process("serve", "--port", "0", cwd=tmp_path, environ={}) as server:
        address = server.address()
        response = chat(address, "gemini", "llama-70b", "deepseek")
        health = httpx.get(f"{address}/health")
    assert health.json()["status"] == "ok"
    assert response.status_code == 503
    for row, name in zip(
        response.json()["responses"],
        ["GEMINI_API_KEY", "GROQ_API_KEY", "DEEPSEEK_API_KEY"],
        strict=True,
    ):
        assert row["error"].startswith(f"{name} is not set; get one at https://")
    lines = [json.loads(line) for line in server.lines]
    said = {line["plugin"]: line["reason"] for line in lines if line.get("plugin")}
    assert {name: reason.split()[0] for name, reason in said.items()} == {
        "gemini": "GEMINI_API_KEY",
        "groq": "GROQ_API_KEY",
        "deepseek": "DEEPSEEK_API_KEY",
        "openai": "CORO_OPENAI_<NAME>_MODELS",
    }


def test_a_blank_key_is_reported_apart_from_a_missing_one(tmp_path: Path) -> None:
    with Process("serve", "--port", "0", cwd=tmp_path, environ={"GROQ_API_KEY": " "}) as server:
        plugins = httpx.get(f"{server.address()}/plugins").json()["plugins"]
    [groq] = [plugin for plugin in plugins if plugin["name"] == "groq"]
    assert groq["reason"].startswith("GROQ_API_KEY is set but blank; get one at")


def test_a_server_that_started_again_since_its_source_changed_serves_again(tmp_path: Path) -> None:
    source = tmp_path / "source.py"
    source.touch()
    arguments = ("serve", "--port", free_port(), "--reload")
    with Process(*arguments, cwd=tmp_path, environ=NO_REAL_PLUGINS) as server:
        address = server.address()
        server.wait_for("Application startup complete")
        assert httpx.get(f"{address}/health", timeout=60).status_code == 200
        # Until it notices: a change before its first scan is no change.
        end = time.monotonic() + START_SECONDS
        while "detected changes" not in server.output:
            assert time.monotonic() < end, server.output
            os.utime(source, (time.time(), time.time()))
            time.sleep(0.1)
        server.wait_for("(?s)startup complete.*startup complete")
        assert httpx.get(f"{address}/health", timeout=20).status_code == 200
