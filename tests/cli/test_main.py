"""The command line: its help, its lists and its errors."""

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from coro_core.cli.main import app, main
from support.inherited import inherited
from support.paths import ROOT, TESTS
from support.plugins import NO_REAL_PLUGINS, REAL_PLUGINS, Installer
from support.server import running

COMMANDS = {
    "serve": ["--host", "--port", "--workers", "--demo", "--fail", "--reload"],
    "chat": [
        "--model",
        "--file",
        "--temperature",
        "--max-tokens",
        "--timeout",
        "--url",
        "--demo",
        "--json",
        "--markdown",
    ],
    "models": ["--json"],
    "plugins": ["--json", "--requirements"],
    "check": ["--generate", "--demo", "--json"],
    "openapi": [],
    "plugin": [],
}

PLUGINS = {
    "good": """
from contextlib import asynccontextmanager
from coro_core import Model, hookimpl
from support.plugins import Echo

print("CANARY: a plugin prints when it is imported", file=__import__("sys").stderr)

class Plugin(Echo):
    models = [
        Model(id="big", name="Big [bold]", provider="Acme [/x]", cost="[free]", candidates=("b-1",))
    ]

    @hookimpl
    @asynccontextmanager
    async def coro_lifespan(self, environ):
        yield
        raise ValueError("it does not close")
""",
    "keyless": """
from coro_core import NotConfigured, hookimpl
from support.plugins import Echo, model

class Plugin(Echo):
    models = [model("locked"), model("other")]

    @hookimpl
    def coro_lifespan(self, environ):
        raise NotConfigured("ACME_API_KEY", help="get one at https://acme.example/keys")
""",
    "broken": "import a_module_that_is_not_there",
    "wordy": "raise ImportError('no\\n\\n  such\\tthing\\n')",
    "future": "class Plugin:\n    coro_contract = 9\n",
}


def coro(*arguments: str) -> Any:
    """Run a command in this process; return its exit code and what it printed where."""
    return CliRunner(env={"COLUMNS": "200", "TERM": "dumb"}).invoke(
        app, list(arguments), prog_name="coro"
    )


def coro_process(
    *arguments: str, cwd: Path, environ: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "coro_core", *arguments],
        cwd=cwd,
        env={"COLUMNS": "200", **inherited(), **environ},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.fixture
def environ(install: Installer) -> dict[str, str]:
    """Return the environment of a process that finds the plugins of this file."""
    for name, source in PLUGINS.items():
        install.add_source(name, source)
    install.add_source("off", PLUGINS["good"])
    return {
        "PYTHONPATH": f"{install.directory}:{TESTS}",
        "CORO_DISABLED_PLUGINS": ",".join([*REAL_PLUGINS, "off"]),
    }


# --- help


def test_help_lists_every_command_with_what_it_does() -> None:
    result = coro("--help")
    assert result.exit_code == 0
    listed = re.findall(r"^[│ ]+([a-z]+) {2,}(\S.*?)[│ ]*$", result.output, re.MULTILINE)
    assert dict(listed).keys() == COMMANDS.keys()
    assert all(help.endswith(".") for _, help in listed)


def test_the_help_is_shown_without_a_command() -> None:
    result = coro()
    assert result.exit_code == 2
    assert all(command in result.output for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_lists_its_options(command: str) -> None:
    result = coro(command, "--help")
    assert result.exit_code == 0
    listed = re.findall(r"^[│ ]+(--[a-z-]+)", result.output, re.MULTILINE)
    assert sorted(listed) == sorted([*COMMANDS[command], "--help"])


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (["serve"], "CORO_HOST, or 127.0.0.1"),
        (["serve"], "PORT, or 8000"),
        (["check"], "coro check [OPTIONS] [MODEL]..."),
        (["check"], "every model"),
        (["plugin", "new"], "coro plugin new [OPTIONS] [NAME]"),
        (["plugin", "new"], "from NAME"),
        (["plugin", "new"], "./coro-NAME"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else value,
)
def test_the_help_shows_which_values_are_optional_and_their_defaults(
    command: list[str], expected: str
) -> None:
    lines = coro(*command, "--help").output.splitlines()
    assert any(expected in line for line in lines)


# --- errors


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["frobnicate"], "No such command 'frobnicate'"),
        (["--frobnicate"], "No such option: --frobnicate"),
        (["serve", "--frobnicate"], "No such option: --frobnicate"),
        (["serve", "extra"], "unexpected extra argument"),
        (["serve", "--port"], "requires an argument"),
        (["serve", "--port", "http"], "Invalid value for '--port'"),
        (["serve", "--port", "80.5"], "Invalid value for '--port'"),
        (["serve", "--port", "-1"], "Invalid value for '--port'"),
        (["serve", "--port", "65536"], "Invalid value for '--port'"),
        (["serve", "--host", "one..two"], "--host takes the name or an address of a host"),
        (["serve", "--workers", "0"], "Invalid value for '--workers'"),
        (["serve", "--workers", "65"], "Invalid value for '--workers'"),
        (["serve", "--workers", "many"], "Invalid value for '--workers'"),
        (["serve", "--reload", "--workers", "2"], "--reload and --workers exclude each other"),
        (["serve", "--fail", "gemini"], "--fail goes with --demo"),
        (["serve", "--fail", "gemini=timeout", "--fail", "groq"], "--fail goes with --demo"),
        (["models", "extra"], "unexpected extra argument"),
        (["models", "--json=yes"], "does not take a value"),
        (["plugins", "--port", "1"], "No such option: --port"),
        (["plugin"], "Missing command"),
        (["plugin", "check"], "Missing argument 'NAME'"),
        (["plugin", "check", "acme", "--set", "ACME"], "--set takes NAME=VALUE"),
        (["openapi", "--json"], "No such option: --json"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_an_invalid_argument_is_one_line_and_exit_code_2(
    arguments: list[str],
    expected: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    # If a wrong argument is accepted, this setting keeps a server from starting here.
    monkeypatch.setenv("CORO_MAX_MODELS", "0")
    line = error_line(arguments, monkeypatch, capsys)
    assert expected in line
    assert line.startswith("coro: ")
    assert line.endswith(" See coro --help.\n")
    assert line.count("\n") == 1


def error_line(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> str:
    monkeypatch.setattr(sys, "argv", ["coro", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    return printed.err


@pytest.mark.parametrize("command", ["serve", "models", "plugins"])
def test_invalid_settings_are_one_line_and_exit_code_2(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CORO_MAX_MODELS", "0")
    monkeypatch.setenv("CORO_LOG_LEVEL", "canary")
    line = error_line([command], monkeypatch, capsys)
    assert line == (
        "coro: CORO_MAX_MODELS: should be greater than or equal to 1;"
        " CORO_LOG_LEVEL: should be 'debug', 'info', 'warning' or 'error'.\n"
    )


@pytest.mark.parametrize("command", ["serve", "models", "plugins"])
def test_an_unreadable_dotenv_file_is_one_line_and_exit_code_2(
    command: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    (tmp_path / ".env").mkdir()
    line = error_line([command], monkeypatch, capsys)
    assert line == "coro: .env cannot be read: Is a directory.\n"


def test_a_process_reports_invalid_settings_in_the_same_way(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PORT=http\n")
    result = coro_process("serve", cwd=tmp_path, environ={})
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.startswith("coro: PORT: should be a valid integer")
    assert result.stderr.count("\n") == 1


# --- plugins and models


async def test_plugins_and_models_as_json_equal_the_replies_of_a_server(
    environ: dict[str, str], tmp_path: Path
) -> None:
    plugins = coro_process("plugins", "--json", cwd=tmp_path, environ=environ)
    models = coro_process("models", "--json", cwd=tmp_path, environ=environ)
    assert (plugins.returncode, models.returncode) == (0, 0)
    async with running(environ) as client:
        served_plugins = (await client.get("/plugins")).json()["plugins"]
        served_models = (await client.get("/models")).json()["models"]
    assert json.loads(plugins.stdout) == served_plugins
    assert json.loads(models.stdout) == served_models
    states = {plugin["name"]: plugin["state"] for plugin in served_plugins}
    assert states == {
        **dict.fromkeys([*REAL_PLUGINS, "off"], "disabled"),
        "broken": "failed",
        "future": "rejected",
        "good": "ready",
        "keyless": "unconfigured",
        "wordy": "failed",
    }
    assert [model["id"] for model in served_models] == ["big", "locked", "other"]
    # The log goes to standard error, outside the JSON.
    assert "it does not close" not in plugins.stdout + plugins.stderr
    assert "plugin did not close" in plugins.stderr


def test_plugins_are_a_table_with_reasons_below(environ: dict[str, str], tmp_path: Path) -> None:
    result = coro_process("plugins", cwd=tmp_path, environ=environ)
    assert result.returncode == 0
    table, _, markers_sent = result.stdout.partition("\n\n")
    heading, *rows = table.splitlines()
    assert heading.split() == ["name", "distribution", "version", "state", "models"]
    by_name = {row.split()[0]: " ".join(row.split()) for row in rows}
    assert by_name["good"] == "good coro-good 1.0 ready big"
    assert by_name["keyless"] == "keyless coro-keyless 1.0 unconfigured locked, other"
    reasons = dict(line.split(": ", 1) for line in markers_sent.splitlines())
    assert reasons["keyless"] == ("ACME_API_KEY is not set; get one at https://acme.example/keys.")
    assert "ModuleNotFoundError: No module named" in reasons["broken"]
    assert "contract 9" in reasons["future"]
    assert reasons["wordy"].endswith("it cannot be imported: ImportError: no such thing")


def test_models_are_a_table_in_which_brackets_are_not_markup(
    environ: dict[str, str], tmp_path: Path
) -> None:
    result = coro_process("models", cwd=tmp_path, environ=environ)
    assert result.returncode == 0
    heading, big, locked, *_, marker = (" ".join(row.split()) for row in result.stdout.splitlines())
    assert heading == "id name provider cost available upstream model"
    assert big == "big Big [bold] Acme [/x] [free] yes b-1"
    assert locked == "locked Locked Acme free no locked-upstream"
    # One line for all models with the same reason.
    assert marker == (
        "locked, other: ACME_API_KEY is not set; get one at https://acme.example/keys."
    )


def test_a_table_is_readable_at_the_usual_width(tmp_path: Path) -> None:
    result = coro_process("models", cwd=tmp_path, environ={"COLUMNS": "80"})
    table, _, markers_sent = result.stdout.partition("\n\n")
    assert all(len(line) <= 80 for line in table.splitlines())
    words = table.split()
    for whole in ("available", "llama-70b", "llama-3.1-70b-versatile", "mixtral-8x7b-32768"):
        assert whole in words
    assert "\nllama-70b, llama-8b, mixtral: GROQ_API_KEY is not set; get one at " in markers_sent


def test_an_empty_list_of_models_is_a_sentence(tmp_path: Path) -> None:
    result = coro_process("models", cwd=tmp_path, environ=NO_REAL_PLUGINS)
    assert (result.returncode, result.stdout) == (
        0,
        "No plugin offers any model; coro plugins says why.\n",
    )
    as_json = coro_process("models", "--json", cwd=tmp_path, environ=NO_REAL_PLUGINS)
    assert (as_json.returncode, as_json.stdout) == (0, "[]\n")


# --- openapi


def test_the_description_depends_on_no_plugin_and_on_no_setting(
    environ: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / ".env").write_bytes(b"CORO_MAX_MODELS=\xff")
    result = coro_process(
        "openapi", cwd=tmp_path, environ={**environ, "CORO_MAX_TOKENS": "3", "PORT": "http"}
    )
    assert result.returncode == 0
    assert result.stderr == ""
    assert result.stdout == (ROOT / "openapi.json").read_text(encoding="utf-8")
