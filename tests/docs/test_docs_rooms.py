"""CONTRIBUTING shows the rooms of the architecture, and the pages name only what exists."""

import re
from pydoc import locate

import pytest

from promises.test_architecture import ROOMS
from support.markdown import code, page, table
from support.paths import ROOT

CORE = ROOT / "src" / "coro_core"
PATTERNS = ("*.md", "docs/*.md", "plugins/*/README.md", "benchmarks/*.md")
PAGES = sorted({str(path.relative_to(ROOT)) for part in PATTERNS for path in ROOT.glob(part)})
FOLDERS = (*("src", "tests", "scripts", "benchmarks", "plugins", "docs", "deploy"), *ROOMS)
PATH = re.compile(rf"(?<![\w/.:*-])(?:{'|'.join(FOLDERS)})/[\w./*-]*[\w*]")
MODULE = re.compile(r"\bcoro_core(?:\.[A-Za-z]\w*)+")
EXAMPLE = re.compile(r"^`([\w./]+)`$", re.MULTILINE)
"""The heading of a file of the plugin that docs/plugins.md develops."""


def test_the_table_of_rooms_is_that_of_the_architecture() -> None:
    shown = {
        code(room)[0]: tuple(code(others))
        for room, _, others in table(page("CONTRIBUTING.md"), "Room")
    }
    assert shown == ROOMS


def test_the_command_that_prints_the_arrows_runs_the_test_that_prints_them() -> None:
    (command,) = re.findall(r"pytest -s (\S+) -k (\w+)`", page("CONTRIBUTING.md"))
    assert command == ("tests/promises/test_architecture.py", "rooms")
    assert "def test_rooms_import_only" in page(command[0])


@pytest.mark.parametrize("name", PAGES)
def test_every_path_on_a_page_exists(name: str) -> None:
    text = page(name)
    # docs/plugins.md develops a plugin, and names its files too.
    example = " ".join(EXAMPLE.findall(text)) if name == "docs/plugins.md" else ""
    folders = (ROOT, CORE, (ROOT / name).parent)
    assert [
        path
        for path in set(PATH.findall(text))
        if path not in example and not any(any(folder.glob(path)) for folder in folders)
    ] == []


@pytest.mark.parametrize("name", PAGES)
def test_every_module_and_name_of_the_core_on_a_page_exists(name: str) -> None:
    missing = [name for name in set(MODULE.findall(page(name))) if locate(name) is None]
    assert missing == []
