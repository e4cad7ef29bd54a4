"""A plugin of each dialect, written by `coro plugin new`, and CORO to install beside it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from coro_core.cli.main import app
from support.environments import Environment, build
from support.paths import ROOT


@pytest.fixture(scope="session")
def new() -> Callable[..., Path]:
    """Write a plugin without a terminal, and return its folder."""

    def written(name: str, directory: Path, *options: str) -> Path:
        result = CliRunner().invoke(
            app, ["plugin", "new", name, "--directory", str(directory), *options]
        )
        assert result.exit_code == 0, result.output
        return directory

    return written


@pytest.fixture(scope="session")
def core_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    [wheel] = build(ROOT, tmp_path_factory.mktemp("core"))
    return wheel


@pytest.fixture(scope="session", params=["openai", "own"])
def dialect(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def written(
    dialect: str, new: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The folder of the plugin acme, which speaks the dialect."""
    return new(
        "acme",
        tmp_path_factory.mktemp(dialect) / "coro-acme",
        *("--dialect", dialect, "--base-url", "https://api.acme.example/v1"),
        *("--model", "acme-large=large-2", "--model", "acme-small=small-1"),
    )


@pytest.fixture(scope="session")
def installed(
    dialect: str, written: Path, core_wheel: Path, tmp_path_factory: pytest.TempPathFactory
) -> Environment:
    """An environment with the plugin and the core, both from wheels."""
    environment = Environment(tmp_path_factory.mktemp(f"env-{dialect}") / "venv")
    [wheel] = build(written, tmp_path_factory.mktemp(f"wheel-{dialect}"))
    environment.install(core_wheel, wheel)
    return environment
