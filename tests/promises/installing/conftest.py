"""Every distribution, built once, and environments to install them in."""

import functools
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from support.environments import OFFLINE, PLUGINS, Environment, build, pip
from support.paths import ROOT

PYTHON = Path(sys.executable)


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, list[Path]]:
    """The source distribution and the wheel of the core and every plugin, by package."""
    directory = tmp_path_factory.mktemp("dist")
    projects = {"coro_core": ROOT, **{path.name: path for path in PLUGINS}}
    return {name: build(project, directory, "sdist", "wheel") for name, project in projects.items()}


@pytest.fixture(scope="session")
def wheels(built: Mapping[str, list[Path]]) -> Mapping[str, Path]:
    return {name: next(f for f in files if f.suffix == ".whl") for name, files in built.items()}


@pytest.fixture(scope="session")
def core(wheels: Mapping[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the core is installed, from its wheel."""
    folder = tmp_path_factory.mktemp("core")
    pip("install", *OFFLINE, "--target", str(folder), str(wheels["coro_core"]), python=PYTHON)
    return folder


@pytest.fixture
def environment(core: Path, tmp_path: Path) -> Environment:
    """An environment with the core alone."""
    return Environment(tmp_path / "venv", core)


@pytest.fixture
def project(tmp_path: Path) -> Callable[..., Path]:
    """Write a small plugin project and return its folder."""
    return functools.partial(_project, tmp_path)


def _project(
    directory: Path,
    name: str,
    *,
    version: str = "1.0",
    contract: int = 1,
    core: str = "coro-core>=0.1",
    model: str = "",
) -> Path:
    folder = directory / f"{name}-{version}"
    package = folder / "src" / f"coro_{name}"
    package.mkdir(parents=True)
    (folder / "pyproject.toml").write_text(f"""
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "coro-{name}"
version = "{version}"
dependencies = ["{core}"]
[project.entry-points.coro]
{name} = "coro_{name}:Plugin"
[tool.hatch.build.targets.wheel]
packages = ["src/coro_{name}"]
""")
    (package / "__init__.py").write_text(f"""
from coro_core import Generation, Model, hookimpl

class Plugin:
    coro_contract = {contract}

    @hookimpl
    def coro_list_models(self):
        names = {re.split(",", model or name)!r}
        return [
            Model(id=it, name=it, provider="Acme", cost="free", candidates=(it,)) for it in names
        ]

    @hookimpl
    async def coro_generate(self, request):
        return Generation(text=request.prompt)
""")
    return folder
