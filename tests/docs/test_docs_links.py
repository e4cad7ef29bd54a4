"""Every link between the pages of the documentation leads somewhere, wherever they are read."""

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from support.markdown import page
from support.paths import ROOT

LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
PATTERNS = ("*.md", "docs/**/*.md", "plugins/*/README.md", "benchmarks/*.md")
PAGES = sorted({str(path.relative_to(ROOT)) for part in PATTERNS for path in ROOT.glob(part)})


def links(name: str) -> list[str]:
    # Code is no link, wherever it stands.
    prose = re.sub(r"`[^`\n]*`", "", FENCED.sub("", page(name)))
    return LINK.findall(prose)


def anchors(path: Path) -> set[str]:
    """Return the anchors that GitHub and the site give a page's headings."""
    text = FENCED.sub("", path.read_text(encoding="utf-8"))
    return {
        re.sub(r"[^\w\- ]", "", heading.replace("`", "")).strip().lower().replace(" ", "-")
        for heading in HEADING.findall(text)
    }


@pytest.mark.parametrize("name", PAGES)
def test_every_link_to_a_file_and_to_a_heading_leads_there(name: str) -> None:
    for link in links(name):
        parts = urlsplit(link)
        if parts.scheme:
            assert parts.scheme in {"https", "http"}, link
            assert parts.netloc, link
            continue
        assert not parts.path.startswith("/"), f"{link} leads elsewhere on every host"
        target = (ROOT / name).parent / unquote(parts.path) if parts.path else ROOT / name
        assert target.exists(), f"{name} links to {link}, which is not there"
        if parts.fragment:
            assert parts.fragment in anchors(target), f"{name} links to {link}"


def test_every_page_is_in_the_navigation_of_the_site() -> None:
    nav = page("mkdocs.yml").partition("\nnav:\n")[2].partition("\n\n")[0]
    shown = re.findall(r"^ +- .+: (\S+\.md)$", nav, re.MULTILINE)
    assert sorted(shown) == [name for name in PAGES if not name.startswith("benchmarks/")]
