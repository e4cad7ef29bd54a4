"""Make .tools, a virtual environment with hatch in it, from the standard library alone.

Debian's Python comes without ensurepip unless python3-venv is installed, and refuses installations
outside of a virtual environment. Where ensurepip is missing, pip's own wheel is fetched from the
index, checked against its hash, and run from the file.
"""

import hashlib
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request
import venv
from pathlib import Path

TOOLS = Path(".tools")
HATCH = "hatch>=1.18,<2"
PIP_WHEEL = "pip-25.3-py3-none-any.whl"
PIP_SHA256 = "9655943313a94722b7774661c21049070f6bbb0a1516bf02f7c8d5d9201514cd"


def main() -> None:
    """Make the environment; replace one that is incomplete."""
    if sys.version_info < (3, 11):
        sys.exit("CORO needs Python 3.11 or newer; say which: make PYTHON=python3.12 ...")
    has_pip = importlib.util.find_spec("ensurepip") is not None
    venv.create(TOOLS, with_pip=has_pip, clear=True)
    python = TOOLS / "bin" / "python"
    with tempfile.TemporaryDirectory() as directory:
        pip = ["-m", "pip"] if has_pip else [f"{fetch_pip(Path(directory))}/pip"]
        command = [str(python), *pip, "install", "--quiet", "--disable-pip-version-check", HATCH]
        subprocess.run(command, check=True)


def fetch_pip(directory: Path) -> Path:
    """Download pip's wheel and return its path. Exits when its hash is not the expected one."""
    index = os.environ.get("PIP_INDEX_URL", "https://pypi.org/simple").rstrip("/") + "/pip/"
    accept = {"Accept": "application/vnd.pypi.simple.v1+json"}
    with urllib.request.urlopen(urllib.request.Request(index, headers=accept)) as reply:
        files = json.load(reply)["files"]
    [link] = [file["url"] for file in files if file["filename"] == PIP_WHEEL]
    with urllib.request.urlopen(urllib.parse.urljoin(index, link)) as reply:
        content = reply.read()
    if hashlib.sha256(content).hexdigest() != PIP_SHA256:
        sys.exit(f"{PIP_WHEEL} is not the file that was expected; nothing was installed.")
    wheel = directory / PIP_WHEEL
    wheel.write_bytes(content)
    return wheel


main()
