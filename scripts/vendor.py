"""Fetch the libraries of the compare page, as their authors built them.

`python scripts/vendor.py`, which needs npm, puts the named files of each package, and its licence,
below `src/coro_core/web/pages/static/ui/vendor/NAME-VERSION`. They are unchanged but for the lines
that name source maps, which are not shipped. To upgrade one, change its version and hash here
(`npm view NAME@VERSION dist.integrity`), run this, and change the address in `libraries.js`.
"""

import base64
import hashlib
import io
import json
import re
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

VENDOR = Path(__file__).parents[1] / "src/coro_core/web/pages/static/ui/vendor"
BUILD_FOLDER = re.compile(r"^(dist|lib|libesm)/")
SOURCE_MAP = re.compile(rb"^//# sourceMappingURL=.*\n?", re.MULTILINE)
PACKAGES = {
    # Sanitises markup. MPL-2.0 or Apache-2.0.
    "dompurify@3.4.18": (
        "sha512-ofe3wI/uNm68HInABYFJYqQxRw1EaKAjNdrFVKqjUY+UZurvNd2L/HuQe097s/4RivWiZyP6tT7aoT8atjfhwg==",
        "dist/purify.es.mjs",
        "LICENSE",
        "LICENSE-MPL",
    ),
    # Lays markdown out. MIT.
    "marked@18.2.1": (
        "sha512-ii4bxCTCqqwpT86XZWgJNs+ZnAIZksmLGYMViWA7PDIXYIeNo1x6cDdX3JOip9NM/cI6p8z57FxliACboTruMA==",
        "lib/marked.esm.js",
        "LICENSE",
    ),
    # Compares texts word by word (jsdiff). BSD-3-Clause.
    "diff@9.0.0": (
        "sha512-svtcdpS8CgJyqAjEQIXdb3OjhFVVYjzGAPO8WGCmRbrml64SPw/jJD4GoE98aR7r25A0XcgrK3F02yw9R/vhQw==",
        "libesm/diff/array.js",
        "libesm/diff/base.js",
        "libesm/diff/word.js",
        "libesm/util/string.js",
        "LICENSE",
    ),
}


def main() -> None:
    """Replace the files by those of the table; exit at a hash that is not the expected one."""
    shutil.rmtree(VENDOR, ignore_errors=True)
    for package, (integrity, *names) in PACKAGES.items():
        archive = fetch(package, integrity)
        directory = VENDOR / package.replace("@", "-")
        for name in names:
            target = directory / BUILD_FOLDER.sub("", name)
            target.parent.mkdir(parents=True, exist_ok=True)
            member = archive.extractfile(f"package/{name}")
            assert member is not None
            target.write_bytes(SOURCE_MAP.sub(b"", member.read()))


def fetch(package: str, integrity: str) -> tarfile.TarFile:
    """Return a package's archive from the registry."""
    with tempfile.TemporaryDirectory() as directory:
        command = ["npm", "pack", "--json", "--pack-destination", directory, package]
        printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        content = (Path(directory) / json.loads(printed)[0]["filename"]).read_bytes()
    found = "sha512-" + base64.b64encode(hashlib.sha512(content).digest()).decode()
    if found != integrity:
        raise SystemExit(f"{package}: the hash is {found}")
    return tarfile.open(fileobj=io.BytesIO(content))


if __name__ == "__main__":
    main()
