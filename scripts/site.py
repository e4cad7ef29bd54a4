"""Put the documentation's pages into build/docs, for the site: `make docs`.

The pages keep their places, so a link is the same in the repository and on the site. They need a
folder of their own because the site takes every file in its folder.
"""

import shutil
from pathlib import Path

ROOT = Path(__file__).parents[1]
STAGE = ROOT / "build" / "docs"
PAGES = (
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "docs/*.md",
    "docs/*.css",
    "docs/images/*",
    "plugins/*/README.md",
)
"""The files of the site."""


def pages() -> list[Path]:
    """Return the files of the site, relative to the root of the repository."""
    return sorted(path.relative_to(ROOT) for pattern in PAGES for path in ROOT.glob(pattern))


def main() -> None:
    """Replace the folder, so that a deleted page disappears."""
    shutil.rmtree(STAGE, ignore_errors=True)
    for path in pages():
        target = STAGE / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / path, target)


if __name__ == "__main__":
    main()
