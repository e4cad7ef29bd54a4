"""`coro chat --url`: a server that answers, refuses, is down, or is not CORO."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from fastapi import Request, Response
from starlette.middleware.base import RequestResponseEndpoint

from coro_core import hookimpl
from coro_core.contract.types import GenerateRequest, Generation
from coro_core.testing import HttpReply, HttpRequest, json_reply, serve_http
from coro_core.web.app import create_app
from support.inherited import inherited
from support.plugins import NO_REAL_PLUGINS, Echo, Installer, answer
from support.server import Process, running, serving
from support.terminal import CTRL_C, Terminal

Done = tuple[int, str, str]
STRANGE = "echo:with/../a?strange#name%2f"


async def chat(*arguments: str, cwd: Path) -> Done:
    """Run the command in a process of its own; return exit code, output and errors."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "coro_core", "chat", *arguments,
        cwd=cwd,
        env={"LANG": "C.UTF-8", **inherited()},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(60):
        out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


def error_of(done: Done) -> str:
    code, out, err = done
    assert (code, out) == (2, "")
    assert err.startswith("coro: ")
    assert err.count("\n") == 1
    return err


@asynccontextmanager
async def answering(reply: HttpReply) -> AsyncIterator[str]:
    """Serve one reply to everything that is not `/models`, and yield the address."""

    async def handle(request: HttpRequest) -> HttpReply:
        return json_reply(LISTS[request.path]) if request.path in LISTS else reply

    async with serve_http(handle) as address:
        yield address


MODEL = {
    "id": "one",
    "name": "One",
    "provider": "Acme",
    "cost": "free",
    "available": True,
    "reason": None,
    "upstream_model": "one-1",
    "substituted": False,
    "note": None,
}
LISTS = {"/plugins": {"plugins": []}, "/models": {"models": [MODEL]}}


async def test_a_server_gives_the_same_rows_as_this_process(
    install: Installer, tmp_path: Path
) -> None:
    install.add("echo", Echo)
    named = ["-m", "echo", "-m", STRANGE]
    async with running(NO_REAL_PLUGINS) as client:
        url = str(client.base_url)
        done = await chat("Hi", *named, "--url", url, "--json", cwd=tmp_path)
    assert done[::2] == (0, "")
    body = json.loads(done[1])
    assert [(row["model"], row["response"]) for row in body["responses"]] == [
        ("echo", "Hi"),
        (STRANGE, "Hi"),
    ]
    assert (body["succeeded"], body["failed"]) == (2, 0)


async def test_a_demo_server_answers_for_every_model(tmp_path: Path) -> None:
    with Process("serve", "--demo", "--port", "0", cwd=tmp_path, environ={}) as server:
        address = await asyncio.to_thread(server.address)
        code, out, err = await chat("What is 2+2?", "--url", address, cwd=tmp_path)
    assert (code, err) == (0, "")
    assert out.count("\n2 + 2 = 4.") == 5
    assert "== 5 of 5 answered in " in out


async def test_an_unknown_model_is_a_row_with_an_error(install: Installer, tmp_path: Path) -> None:
    install.add("echo", Echo)
    async with running(NO_REAL_PLUGINS) as client:
        url = str(client.base_url)
        code, out, _ = await chat("Hi", "-m", "ehco", "-m", "echo", "--url", url, cwd=tmp_path)
    assert code == 1
    assert "error: No installed plugin offers this model" in out
    assert "== 1 of 2 answered in " in out


async def test_a_refused_request_shows_the_sentence_of_the_server(
    install: Installer, tmp_path: Path
) -> None:
    install.add("echo", Echo)
    async with running({**NO_REAL_PLUGINS, "CORO_MAX_PROMPT_CHARS": "1"}) as client:
        line = error_of(await chat("Hi", "--url", str(client.base_url), cwd=tmp_path))
    assert line == "coro: prompt: must have at most 1 characters.\n"


async def test_a_refused_connection_is_one_sentence_without_the_password(tmp_path: Path) -> None:
    line = error_of(await chat("Hi", "--url", "http://me:canary@127.0.0.1:1", cwd=tmp_path))
    assert line == (
        "coro: http://127.0.0.1:1 cannot be reached; check the address, and that the"
        " server is running.\n"
    )


@pytest.mark.parametrize(
    "reply",
    [
        HttpReply(b"<html>"),
        json_reply({"model": "one"}),
        json_reply(["\x1b[2J"], status=502),
        HttpReply(b"", 301, {"Location": "https://elsewhere.invalid/"}),
    ],
    ids=["page", "shape", "status", "redirect"],
)
async def test_a_reply_that_is_not_from_coro_is_named_as_such(
    reply: HttpReply, tmp_path: Path
) -> None:
    async with answering(reply) as address:
        line = error_of(await chat("Hi", "--url", address, cwd=tmp_path))
    assert line == (
        f"coro: {address} answered {reply.status} with a reply that is not CORO's;"
        " check the address.\n"
    )


async def test_a_full_server_fails_the_rows_that_it_rejects(tmp_path: Path) -> None:
    full = json_reply({"detail": "CORO is full;\r\x1b[2J try again in 2 s."}, status=503)
    async with answering(full) as address:
        code, out, err = await chat("Hi", "--url", address, "--json", cwd=tmp_path)
    assert (code, err) == (1, "")
    [row] = json.loads(out)["responses"]
    assert row["error_code"] == "overloaded"
    assert row["error"] == "CORO is full;␍␛[2J try again in 2 s."


async def test_ctrl_c_cancels_the_calls_of_the_server(install: Installer, tmp_path: Path) -> None:
    called, cancelled = asyncio.Event(), asyncio.Event()

    class Waits(Echo):
        async def generate(self, request: GenerateRequest) -> Generation:
            called.set()
            try:
                await asyncio.Event().wait()
            finally:
                cancelled.set()
            return answer("never")

    install.add("waits", Waits)
    async with running(NO_REAL_PLUGINS) as client:
        url = str(client.base_url)
        with Terminal("chat", "Hi", "--timeout", "60", "--url", url, cwd=tmp_path, environ={}) as t:
            async with asyncio.timeout(60):
                await called.wait()
                t.press(CTRL_C)
                await cancelled.wait()
            code = await asyncio.to_thread(t.wait)
            assert (code, "Traceback" in t.text) == (130, False)


async def test_the_command_waits_for_a_server_whose_plugins_are_starting(
    install: Installer, tmp_path: Path
) -> None:
    asked, opened = asyncio.Event(), asyncio.Event()

    class Slow(Echo):
        @hookimpl
        @asynccontextmanager
        async def coro_lifespan(self, environ: object) -> AsyncIterator[None]:
            await opened.wait()
            yield

    install.add("slow", Slow)
    app = create_app(NO_REAL_PLUGINS)

    @app.middleware("http")
    async def noticing(request: Request, call_next: RequestResponseEndpoint) -> Response:
        if request.url.path == "/plugins":
            asked.set()
        return await call_next(request)

    async with serving(app) as client:
        done = asyncio.create_task(chat("Hi", "--url", str(client.base_url), cwd=tmp_path))
        async with asyncio.timeout(60):
            await asked.wait()
        opened.set()
        code, out, err = await done
    assert (code, err) == (0, "")
    assert "== 1 of 1 answered in " in out
