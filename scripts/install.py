"""Install the projects of requirements.txt, and check every third-party file against its hash.

    python scripts/install.py [PYTHON]   # into the environment of that interpreter, or of this one

pip cannot check a folder against a hash. So this script builds the projects first, with a checked
build backend. It then installs their wheels and what they need, in the versions and with the hashes
of deploy/requirements.lock. It installs nothing else, and builds no third-party source.
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
        # A checked build backend and a checked pip. This interpreter's pip does only this step.
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
        # In a folder of its own: pip takes its neighbours for installed packages.
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
    """Run pip, the one in `tools` if given; exit with its code if it fails."""
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
    done = subprocess.run(
        command, env={**os.environ, **({"PYTHONPATH": str(tools)} if tools else {})}
    )
    if done.returncode:
        sys.exit(done.returncode)


main(sys.argv[1] if len(sys.argv) > 1 else sys.executable)
