"""The modules that a process loads before it answers; the benchmark measures the time."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("aiohttp", "httpx", "groq", "grpc", "google.genai", "coro_core.testing.conformance")
UNUSED_BY_HELP = (
    *("asyncio", "dotenv", "pydantic", "rich.live", "structlog"),
    *("coro_core.cli.check", "coro_core.cli.chat.session", "coro_core.cli.scaffold.writing"),
    *("coro_core.config", "coro_core.engine", "coro_core.kit", "coro_core.testing"),
)
WEB = ("fastapi", "starlette", "uvicorn")

REPORT = "PYTHON_MODULES"
RUN_AND_REPORT = f"""
import atexit, json, os, pathlib, sys
report = pathlib.Path(os.environ[{REPORT!r}])
atexit.register(lambda: report.write_text(json.dumps(sorted(sys.modules))))
from coro_core.cli.main import main
main()
"""


@pytest.mark.parametrize("module", ["coro_core.cli.main", "coro_core.web.app"])
def test_a_server_loads_no_client_before_a_plugin_asks_for_one(module: str) -> None:
    code = f"import sys, {module}; print([name for name in {HEAVY} if name in sys.modules])"
    child = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert child.stdout.strip() == "[]"


def test_the_help_loads_no_library_that_only_a_command_needs(tmp_path: Path) -> None:
    loaded = modules_of("--help", folder=tmp_path)
    assert loaded.isdisjoint(UNUSED_BY_HELP)
    assert loaded.isdisjoint(WEB)


@pytest.mark.parametrize(
    "arguments",
    [
        ["plugins"],
        ["plugins", "--requirements"],
        ["models"],
        ["check", "--demo"],
        ["check", "--demo", "--generate"],
        ["chat", "What is 2+2?", "--demo"],
        ["plugin", "check", "deepseek"],
        ["plugin", "new", "acme", "--base-url", "https://acme.example", "--model", "acme"],
    ],
    ids=" ".join,
)
def test_only_the_server_and_its_description_load_the_web_framework(
    arguments: list[str], tmp_path: Path
) -> None:
    loaded = modules_of(*arguments, folder=tmp_path)
    assert "coro_core.cli.main" in loaded
    assert loaded.isdisjoint(WEB)


def test_the_description_loads_the_web_framework(tmp_path: Path) -> None:
    assert {"fastapi", "starlette"} <= modules_of("openapi", folder=tmp_path)


def modules_of(*arguments: str, folder: Path) -> set[str]:
    """Run a command that must succeed, and return the modules that its process has at its end."""
    report = folder / "modules.json"
    child = subprocess.run(
        [sys.executable, "-c", RUN_AND_REPORT, *arguments],
        cwd=folder,
        env={"PATH": os.environ["PATH"], REPORT: str(report)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert child.returncode == 0, child.stderr
    assert re.search(r"\S", child.stdout)
    return set(json.loads(report.read_text()))
