"""Environments of their own, in which the project's distributions are installed as users do.

Nothing is fetched: what others have made is shared with the environment of the tests, and what is
ours is built and installed by pip, without an index.
"""

import os
import site
import subprocess
import sys
import venv
from collections.abc import Mapping
from pathlib import Path

from support.paths import ROOT

PLUGINS = sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml"))
SECONDS = 240
OFFLINE = ("--no-index", "--no-deps", "--no-build-isolation", "--no-compile")
_KEPT = ("PATH", "HOME", "LANG")


class Environment:
    """A virtual environment without CORO, and with all that CORO and its plugins need."""

    def __init__(self, directory: Path, *beside: Path) -> None:
        """Make it; what is installed in the folders `beside` is there as well."""
        self.directory = directory
        venv.create(directory, symlinks=True)
        self.python = directory / "bin" / "python"
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        self.site = directory / "lib" / version / "site-packages"
        shared = directory / "shared"
        shared.mkdir()
        for theirs in Path(site.getsitepackages()[0]).iterdir():
            if theirs.suffix != ".pth" and not theirs.name.startswith(("coro_", "_editable")):
                (shared / theirs.name).symlink_to(theirs)
        lines = (f"{folder}\n" for folder in (*beside, shared))
        (self.site / "shared.pth").write_text("".join(lines))

    def install(self, *what: str | Path, cwd: Path | None = None) -> None:
        """Install wheels or folders, as arguments of pip; of a folder a wheel is built."""
        pip("install", *OFFLINE, *map(str, what), python=self.python, cwd=cwd)

    def uninstall(self, name: str) -> None:
        pip("uninstall", "--yes", name, python=self.python)

    def run(
        self, *arguments: str | Path, cwd: Path, environ: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run `python ...` of the environment, and nothing else of the developer's."""
        return subprocess.run(
            [self.python, *arguments],
            cwd=cwd,
            env={**kept(), **(environ or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )

    def coro(self, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        """Run `coro ...` of the environment."""
        return self.run("-m", "coro_core", *arguments, cwd=cwd, environ={"COLUMNS": "200"})


def pip(*arguments: str, python: Path, cwd: Path | None = None) -> None:
    """Run pip for the environment of an interpreter."""
    command = [sys.executable, "-m", "pip", "--python", str(python), "--quiet"]
    done = subprocess.run(
        [*command, "--disable-pip-version-check", *arguments],
        cwd=cwd,
        env=kept(),
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def kept() -> dict[str, str]:
    """Return what a command needs of the developer's environment."""
    return {name: os.environ[name] for name in _KEPT if name in os.environ}


def build(project: Path, directory: Path, *targets: str) -> list[Path]:
    """Build a project's wheel, or the targets named, and return the files by name."""
    options = [option for target in targets or ("wheel",) for option in ("-t", target)]
    before = set(directory.glob("*"))
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-d", str(directory), *options],
        cwd=project,
        env=kept(),
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return sorted(set(directory.glob("*")) - before)
