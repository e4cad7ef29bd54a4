"""Write deploy/: exact versions with hashes of everything that the core and the plugins need.

    python scripts/lock.py [--upgrade]   # keeps versions that still fit; --upgrade takes the newest
    python scripts/lock.py --check       # fails when the files do not fit the projects

Needs uv, which hatch brings: next to the interpreter that runs this, or on the path.
"""

import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

LOCK = Path("deploy/requirements.lock")
PINS = Path("deploy/constraints.txt")
BUILD_LOCK = Path("deploy/build.lock")
OLDEST_PYTHON = "3.11"
PIP = "pip>=26"
"""Older versions take no hashes from a constraints file, and hosts have older versions."""


def main(arguments: list[str]) -> None:
    """Write the files, or compare them with what would be written."""
    projects = [Path(), *sorted(path.parent for path in Path("plugins").glob("*/pyproject.toml"))]
    described = {path: described_by(path) for path in projects}
    local = [described[path]["project"]["name"] for path in projects]
    wanted = [f"./{path}{extras(described[path])}" for path in projects]
    builders = {need for path in projects for need in described[path]["build-system"]["requires"]}
    check = "--check" in arguments
    more = [argument for argument in arguments if argument != "--check"]
    lock = compiled(LOCK, wanted, [f"--no-emit-package={name}" for name in local] + more)
    build = compiled(BUILD_LOCK, sorted(builders | {PIP}), more)
    if not check:
        LOCK.write_text(lock)
        BUILD_LOCK.write_text(build)
        PINS.write_text(pins(lock))
    # Without hashes: a version with an added wheel is still the same version.
    elif pins(lock) != pins(LOCK.read_text()) or pins(lock) != PINS.read_text():
        sys.exit("deploy/ does not fit the projects any more; run make requirements.")
    elif pins(build) != pins(BUILD_LOCK.read_text()):
        sys.exit(f"{BUILD_LOCK} does not fit the projects any more; run make requirements.")


def described_by(project: Path) -> dict[str, Any]:
    """Return a project's pyproject.toml."""
    return tomllib.loads((project / "pyproject.toml").read_text())


def extras(described: dict[str, Any]) -> str:
    """Return every extra of a project, as a requirement names them."""
    names = ",".join(sorted(described["project"].get("optional-dependencies", {})))
    return f"[{names}]" if names else ""


def compiled(lock: Path, requirements: list[str], more: list[str]) -> str:
    """Return a lock file for every platform; the versions of the present one are preferred."""
    beside = Path(sys.executable).with_name("uv")
    uv = str(beside) if beside.exists() else shutil.which("uv")
    if uv is None:
        sys.exit("uv is needed: run make, which installs it, or pip install uv.")
    with tempfile.TemporaryDirectory() as directory:
        output = Path(directory, lock.name)
        if lock.exists():
            shutil.copy(lock, output)
        command = [uv, "pip", "compile", "-", "--quiet", "--no-header", "--no-annotate"]
        command += ["--universal", "--python-version", OLDEST_PYTHON, "--generate-hashes", *more]
        command += ["--output-file", str(output)]
        subprocess.run(
            command,
            input="\n".join(requirements),
            stdout=subprocess.DEVNULL,
            text=True,
            check=True,
        )
        return f"# Written by make requirements.\n{output.read_text()}"


def pins(lock: str) -> str:
    """Return a lock file's versions without its hashes."""
    return re.sub(r"( \\)?\n +--hash=\S+", "", lock)


main(sys.argv[1:])
