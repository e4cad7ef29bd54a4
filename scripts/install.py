"""Install what requirements.txt names, with every file of others checked against its hash.

    python scripts/install.py [PYTHON]   # into the environment of that interpreter, or of this one

pip cannot check a folder against a hash. So the projects here are built first, with a build backend
that was checked, and their wheels are then installed together with what they need, in the versions
and with the hashes of deploy/requirements.lock. Nothing that is not needed is installed, and
nothing is built from a stranger's source.
"""

import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCKS = ROOT / "deploy"
CHECKED = ("--require-hashes", "--only-binary", ":all:")


def main(python: str) -> None:
    """Build, and install, with pip alone."""
    projects = local_projects((ROOT / "requirements.txt").read_text())
    with tempfile.TemporaryDirectory() as directory:
        tools, wheels = Path(directory, "tools"), Path(directory, "wheels")
        # A build backend and a pip that were checked; whatever pip is here does only this.
        pip("install", *CHECKED, "--target", str(tools), "-r", str(LOCKS / "build.lock"))
        lines = [f"-c {LOCKS / 'requirements.lock'}"]
        for number, (path, extras) in enumerate(projects):
            built = wheels / str(number)
            pip(
                *("wheel", "--no-deps", "--no-build-isolation", "--no-index"),
                *("--wheel-dir", str(built), str(ROOT / path)),
                tools=tools,
            )
            [wheel] = built.iterdir()
            name = wheel.name.partition("-")[0]
            digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
            lines.append(f"{name}{extras} @ {wheel.as_uri()} --hash=sha256:{digest}")
        hashed = Path(directory, "hashed.txt")
        hashed.write_text("\n".join(lines))
        # By itself: pip takes its neighbours for what is installed already.
        alone = Path(directory, "alone")
        alone.mkdir()
        (tools / "pip").rename(alone / "pip")
        pip("--python", python, "install", *CHECKED, "-r", str(hashed), tools=alone)


def local_projects(requirements: str) -> list[tuple[str, str]]:
    """Return the folders that the lines name, each with the extras in brackets behind it."""
    lines = (line.partition("#")[0].strip() for line in requirements.splitlines())
    paths = [line for line in lines if line and not line.startswith("-")]
    return [
        (path, f"{bracket}{extras}") for path, bracket, extras in (p.partition("[") for p in paths)
    ]


def pip(*arguments: str, tools: Path | None = None) -> None:
    """Run pip, that in `tools` if one is there already, and end with its exit code if it fails."""
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
    done = subprocess.run(
        command, env={**os.environ, **({"PYTHONPATH": str(tools)} if tools else {})}
    )
    if done.returncode:
        sys.exit(done.returncode)


main(sys.argv[1] if len(sys.argv) > 1 else sys.executable)
