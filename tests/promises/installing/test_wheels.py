"""Built distributions hold the right files and work away from their source."""

import subprocess
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest

from support.environments import PLUGINS, Environment, build
from support.paths import ROOT
from support.server import Process

PACKAGES = {"coro_core": ROOT / "src", **{path.name: path / "src" for path in PLUGINS}}


def kept_by_git(package: str) -> set[str]:
    """Return the files of a package as they are to be shipped, from the folder that holds it."""
    source = PACKAGES[package]
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", package]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True, check=True)
    return {name for name in done.stdout.splitlines() if (source / name).exists()}


@pytest.mark.parametrize("package", PACKAGES)
def test_a_wheel_holds_the_package_with_its_data_and_its_metadata(
    package: str, wheels: Mapping[str, Path]
) -> None:
    with zipfile.ZipFile(wheels[package]) as wheel:
        names = set(wheel.namelist())
        [licence] = [wheel.read(name) for name in names if name.endswith("/licenses/LICENSE")]
        [metadata] = [wheel.read(name).decode() for name in names if name.endswith("/METADATA")]
    [info] = {name.split("/")[0] for name in names if ".dist-info/" in name}
    described = {f"{info}/METADATA", f"{info}/RECORD", f"{info}/WHEEL", f"{info}/entry_points.txt"}
    described.add(f"{info}/licenses/LICENSE")
    assert names == kept_by_git(package) | described
    assert licence == (ROOT / "LICENSE").read_bytes()
    assert f"{package}/py.typed" in names
    assert "License-Expression: MIT\n" in metadata
    assert "Classifier: Typing :: Typed\n" in metadata


def test_the_core_brings_its_page_its_kit_and_its_templates(wheels: Mapping[str, Path]) -> None:
    with zipfile.ZipFile(wheels["coro_core"]) as wheel:
        names = wheel.namelist()
    for part in ("web/pages/static/ui/", "testing/conformance/", "cli/scaffold/templates/own/"):
        assert any(name.startswith(f"coro_core/{part}") for name in names), part


@pytest.mark.parametrize("package", PACKAGES)
def test_a_source_distribution_holds_what_makes_the_same_wheel_and_nothing_else(
    package: str, built: Mapping[str, list[Path]], wheels: Mapping[str, Path], tmp_path: Path
) -> None:
    [archive] = [file for file in built[package] if file.name.endswith(".tar.gz")]
    with tarfile.open(archive) as sources:
        sources.extractall(tmp_path, filter="data")
    [folder] = tmp_path.iterdir()
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert names - {".gitignore"} == {f"src/{name}" for name in kept_by_git(package)} | {
        *("PKG-INFO", "pyproject.toml", "README.md", "LICENSE")
    }
    [wheel] = build(folder, tmp_path / "wheel")
    with zipfile.ZipFile(wheel) as again, zipfile.ZipFile(wheels[package]) as first:
        assert set(again.namelist()) == set(first.namelist())


def test_wheels_alone_serve_the_demo_and_keep_the_contract(
    wheels: Mapping[str, Path], tmp_path: Path
) -> None:
    environment = Environment(tmp_path / "venv")
    environment.install(*wheels.values())
    away = tmp_path / "away"
    away.mkdir()
    found = environment.run("-c", "import coro_core; print(coro_core.__file__)", cwd=away)
    assert Path(found.stdout).is_relative_to(environment.directory)
    arguments = ("serve", "--demo", "--port", "0")
    with Process(*arguments, cwd=away, environ={}, python=environment.python) as server:
        address = server.address()
        # Time for the first import of an SDK, which compiles it.
        models = ["gemini", "mixtral", "deepseek"]
        body = {"prompt": "2+2", "models": models, "timeout": 60}
        rows = httpx.post(f"{address}/chat", json=body, timeout=60).json()["responses"]
        assert [row["error"] for row in rows] == [None, None, None]
        assert "<title>" in httpx.get(address, timeout=60).text
        assert httpx.get(f"{address}/docs", timeout=60).status_code == 200
    checked = environment.coro("plugin", "check", "deepseek", cwd=away)
    assert checked.returncode == 0, checked.stdout
