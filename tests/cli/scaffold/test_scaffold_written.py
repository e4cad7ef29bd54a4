"""The plugin that `coro plugin new` writes: installed, tested, checked, asked."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from support.environments import Environment
from support.markdown import page
from support.server import Process


def test_the_tests_of_the_plugin_pass_in_an_editable_installation(
    dialect: str, written: Path, core_wheel: Path, tmp_path: Path
) -> None:
    environment = Environment(tmp_path / "venv")
    environment.install(core_wheel, "--editable", written)
    done = environment.run("-m", "pytest", "-q", "-p", "no:schemathesis", cwd=written)
    assert done.returncode == 0, done.stdout
    passed = re.search(r"^(\d+ passed) in ", done.stdout, re.MULTILINE)
    assert passed is not None, done.stdout
    if dialect == "openai":
        assert f"\n{passed[1]} in " in page("docs/plugins.md")


def test_the_plugin_passes_the_conformance_suite_without_an_exception(
    installed: Environment, tmp_path: Path
) -> None:
    done = installed.coro("plugin", "check", "acme", "--json", cwd=tmp_path)
    report = json.loads(done.stdout)
    assert done.returncode == 0
    assert {check["verdict"] for check in report["checks"]} == {"passed"}


def test_the_models_of_the_plugin_answer_in_the_demo(
    installed: Environment, tmp_path: Path
) -> None:
    arguments = ("serve", "--demo", "--port", "0")
    with Process(*arguments, cwd=tmp_path, environ={}, python=installed.python) as server:
        reply = httpx.post(
            f"{server.address()}/chat",
            json={"prompt": "What is 2+2?", "models": ["acme-large", "acme-small"]},
            timeout=60,
        )
    assert reply.status_code == 200
    assert [(row["response"], row["upstream_model"]) for row in reply.json()["responses"]] == [
        ("2 + 2 = 4. (Simulated answer of large-2.)", "large-2"),
        ("2 + 2 = 4. (Simulated answer of small-1.)", "small-1"),
    ]


LONG = [
    *("--title", "The Remarkable Company Of Several Models"),
    *("--base-url", f"https://{'x' * 60}.example/{'y' * 60}"),
    *("--model", f"{'m' * 64}={'u' * 64}", "--key", "K" * 40),
]
SHORT = ["--title", "Q", "--base-url", "https://q.example", "--model", "q", "--key", "Q"]


@pytest.mark.parametrize(("name", "options"), [("a" * 24, LONG), ("q", SHORT)])
def test_the_longest_and_the_shortest_inputs_give_clean_source(
    new: Callable[..., Path],
    dialect: str,
    name: str,
    options: list[str],
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    cache = tmp_path_factory.getbasetemp() / "mypy"
    project = new(name, tmp_path / "project", "--dialect", dialect, *options)
    for command in (["ruff", "format", "--check"], ["ruff", "check", "--no-cache"], ["mypy"]):
        done = subprocess.run(
            [sys.executable, "-m", *command],
            cwd=project,
            env={"MYPYPATH": "src", "MYPY_CACHE_DIR": str(cache)},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
