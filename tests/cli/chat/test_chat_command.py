"""`coro chat` without a terminal: the prompt, the output and the exit code."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from coro_core.api.schemas import ChatResponse
from support.inherited import inherited
from support.paths import TESTS
from support.plugins import NO_REAL_PLUGINS, Installer

ECHO = """
from support.plugins import Echo, answer, model
from coro_core import RateLimited

class Plugin(Echo):
    models = (model("echo"), model("limits"))
    async def generate(self, request):
        if request.model == "limits-upstream":
            raise RateLimited(retry_after=7)
        return answer(f"{request.prompt!r} {request.temperature} {request.max_tokens}")
"""


def chat(
    *arguments: str, cwd: Path, environ: Mapping[str, str], stdin: bytes | None = None
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "coro_core", "chat", *arguments],
        cwd=cwd,
        env={"LANG": "C.UTF-8", **inherited(), **environ},
        input=stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True,
        timeout=60,
    )


def error_line(done: subprocess.CompletedProcess[bytes]) -> str:
    """Return the line of an error, which has to be the only one."""
    assert (done.returncode, done.stdout) == (2, b"")
    line = done.stderr.decode()
    assert line.startswith("coro: ")
    assert line.count("\n") == 1
    return line


@pytest.fixture
def environ(install: Installer) -> dict[str, str]:
    install.add_source("echo", ECHO)
    return {"PYTHONPATH": f"{install.directory}:{TESTS}", **NO_REAL_PLUGINS}


def answered(done: subprocess.CompletedProcess[bytes]) -> list[Any]:
    assert done.stderr == b""
    body = ChatResponse.model_validate_json(done.stdout)
    assert json.loads(done.stdout) == body.model_dump()
    assert body.succeeded + body.failed == len(body.responses)
    rows: list[Any] = body.model_dump()["responses"]
    return rows


def test_the_demo_answers_from_every_model(tmp_path: Path) -> None:
    done = chat("What is 2+2?", "--demo", "--json", cwd=tmp_path, environ={})
    assert done.returncode == 0
    rows = answered(done)
    assert {row["model"] for row in rows} == {
        "deepseek", "gemini", "llama-70b", "llama-8b", "mixtral",
    }  # fmt: skip
    assert all(row["response"].startswith("2 + 2 = 4.") for row in rows)


def test_a_failed_model_costs_its_own_row_and_the_exit_code(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    done = chat("Hi", "-m", "limits", "-m", "echo", "-m", "limits", cwd=tmp_path, environ=environ)
    assert done.returncode == 1
    limits, echo, summary = done.stdout.decode().split("\n\n")
    assert limits.startswith("== limits, limits-upstream")
    assert limits.endswith("\nerror: Rate limit exceeded at Acme; try again in 7 s.")
    assert echo.startswith("== echo, echo-upstream")
    assert echo.endswith("\n'Hi' 0.7 512")
    assert summary.startswith("== 1 of 2 answered in ")
    assert b"\x1b" not in done.stdout + done.stderr


def test_an_unknown_model_is_a_row_with_an_error(tmp_path: Path, environ: dict[str, str]) -> None:
    done = chat("Hi", "-m", "ehco", "-m", "echo", "--json", cwd=tmp_path, environ=environ)
    assert done.returncode == 1
    assert [row["error_code"] for row in answered(done)] == ["unknown_model", None]


def test_options_reach_the_model(tmp_path: Path, environ: dict[str, str]) -> None:
    options = ["-m", "echo", "--temperature", "0.1", "--max-tokens", "9", "--timeout", "30"]
    done = chat("Hi", *options, "--json", cwd=tmp_path, environ=environ)
    assert [row["response"] for row in answered(done)] == ["'Hi' 0.1 9"]


@pytest.mark.parametrize(
    ("arguments", "stdin"),
    [
        (["-"], "Grüße\n"),
        ([], "Grüße\r\n"),
        ([], "\ufeffGrüße"),
        (["--file", "prompt.txt"], None),
        (["Grüße"], "not this"),
    ],
)
def test_the_prompt_comes_from_an_argument_a_pipe_or_a_file(
    tmp_path: Path, environ: dict[str, str], arguments: list[str], stdin: str | None
) -> None:
    (tmp_path / "prompt.txt").write_text("Grüße\n", encoding="utf-8")
    given = None if stdin is None else stdin.encode()
    done = chat(*arguments, "-m", "echo", "--json", cwd=tmp_path, environ=environ, stdin=given)
    assert [row["response"] for row in answered(done)] == ["'Grüße' 0.7 512"]


@pytest.mark.parametrize(
    ("arguments", "stdin", "expected"),
    [
        (["  "], None, "prompt: must hold more than white space"),
        ([""], None, "prompt: string should have at least 1 character"),
        ([], b"\n", "The prompt is empty."),
        ([], b"\xff\xfe", "The prompt is not UTF-8 text."),
        (["Hi", "--file", "."], None, "'.' is a directory"),
        (["--file", "missing.txt"], None, "'missing.txt' does not exist"),
        (["Hi", "--temperature", "1.5"], None, "temperature: should be less than or equal to 1"),
        (["Hi", "--temperature", "nan"], None, "temperature: "),
        (["Hi", "--max-tokens", "0"], None, "max-tokens: should be greater than or equal to 1"),
        (["Hi", "--max-tokens", "8193"], None, "--max-tokens may be at most 8192"),
        (["Hi", "--timeout", "61"], None, "timeout: should be less than or equal to 60"),
        (["Hi", "--json", "--markdown"], None, "exclude each other"),
        (["Hi", "--demo", "--url", "http://localhost"], None, "exclude each other"),
        (["Hi", "--url", "localhost:8000"], None, "an address like http://localhost:8000"),
        (["x" * 100_001], None, "more than 100000 characters"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else "",
)
def test_an_invalid_request_is_one_line_and_exit_code_2(
    tmp_path: Path,
    environ: dict[str, str],
    arguments: list[str],
    stdin: bytes | None,
    expected: str,
) -> None:
    done = chat(*arguments, cwd=tmp_path, environ=environ, stdin=stdin)
    assert expected in error_line(done)


def test_a_prompt_and_a_file_exclude_each_other(tmp_path: Path, environ: dict[str, str]) -> None:
    (tmp_path / "prompt.txt").write_text("Hi")
    done = chat("Hi", "--file", "prompt.txt", cwd=tmp_path, environ=environ)
    assert "either as an argument or with --file" in error_line(done)


def test_no_available_model_is_an_error(tmp_path: Path) -> None:
    line = error_line(chat("Hi", cwd=tmp_path, environ={}))
    assert line == "coro: No model is available; coro plugins says why. --demo needs no key.\n"


def test_a_closed_pipe_causes_no_traceback(tmp_path: Path, environ: dict[str, str]) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "coro_core", "chat", "Hi", "-m", "echo"],
        cwd=tmp_path,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""


MUTE = """
import asyncio
from support.plugins import Echo, answer

class Plugin(Echo):
    async def generate(self, request):
        while True:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                pass
"""


def test_a_plugin_that_ignores_its_cancellation_does_not_delay_the_end(
    install: Installer, tmp_path: Path
) -> None:
    install.add_source("mute", MUTE)
    environ = {"PYTHONPATH": f"{install.directory}:{TESTS}", **NO_REAL_PLUGINS}
    done = chat("Hi", "--timeout", "0.2", cwd=tmp_path, environ=environ)
    assert done.returncode == 1
    assert b"error: Acme did not answer in time" in done.stdout
    assert b"Traceback" not in done.stderr


def test_markdown_closes_the_fence_that_an_answer_leaves_open(
    tmp_path: Path, install: Installer
) -> None:
    source = """
from support.plugins import Echo, answer
class Plugin(Echo):
    async def generate(self, request):
        return answer("# Mine\\n\\n```python\\nprint(1)")
"""
    install.add_source("fence", source)
    environ = {"PYTHONPATH": f"{install.directory}:{TESTS}", **NO_REAL_PLUGINS}
    done = chat("Hi", "--markdown", cwd=tmp_path, environ=environ)
    assert done.returncode == 0
    document = done.stdout.decode()
    assert document.startswith("## echo\n\necho-upstream")
    assert "\n\n> # Mine\n>\n> ```python\n> print(1)\n\n1 of 1 answered in " in document
