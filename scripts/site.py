"""Put the documentation's pages into build/docs, for the site: `make docs`.

The pages keep their places, so that a link between two of them is the same in the repository and on
the site. A folder of their own is needed because the site takes everything in it.
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
"""What the site is made of."""


def pages() -> list[Path]:
    """Return the files of the site, relative to the root of the repository."""
    return sorted(path.relative_to(ROOT) for pattern in PAGES for path in ROOT.glob(pattern))


def main() -> None:
    """Make the folder anew, so that a page that was deleted is gone."""
    shutil.rmtree(STAGE, ignore_errors=True)
    for path in pages():
        target = STAGE / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / path, target)


if __name__ == "__main__":
    main()
