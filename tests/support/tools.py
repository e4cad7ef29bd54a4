"""Programs that are not ours, from where `make clients` installs them."""

import os
import subprocess
from pathlib import Path

import pytest

from support.paths import ROOT

DIRECTORY = ROOT / ".clients"
TOOL_SECONDS = 300.0


def require_tools() -> None:
    """Skip without them, but fail where `CI` is set."""
    if (DIRECTORY / "ready").exists():
        return
    why = "what make clients installs is not there (it needs npm; Debian: apt-get install npm)"
    if os.environ.get("CI"):
        pytest.fail(why)
    pytest.skip(why)


def attempt(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a program, ours or not, to its end; what it prints anywhere is in `stdout`."""
    ours = [str(DIRECTORY / "node_modules" / ".bin"), str(DIRECTORY / "venv" / "bin")]
    return subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, "PATH": os.pathsep.join([*ours, os.environ["PATH"]])},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TOOL_SECONDS,
    )


def run(*command: str | Path, cwd: Path) -> str:
    """Return what a program printed, which must succeed."""
    done = attempt(*command, cwd=cwd)
    assert done.returncode == 0, done.stdout
    return done.stdout
