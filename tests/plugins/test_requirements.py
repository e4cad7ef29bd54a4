"""Requirements in metadata: the core a plugin needs, and the line that installs it again."""

import json
from importlib.metadata import Distribution
from pathlib import Path

import pytest

from coro_core.plugins.requirements import newer_core, requirement


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("coro-core>=0.2", ">=0.2"),
        ("Coro_Core (>=0.2,<0.3)", "<0.3,>=0.2"),
        ("coro-core[all]<0.3,>=0.2; python_version >= '3.11'", "<0.3,>=0.2"),
        ("coro.core ~= 1.0", "~=1.0"),
        ("coro-core==0.1.1", "==0.1.1"),
        ("coro-core>=0.1.0", None),
        ("coro-core>=0.1,<0.2", None),
        ("coro-core==0.1.*", None),
        ("coro-core>=0.1.0.0", None),
        # Older than the core: the version of the contract decides if they fit.
        ("coro-core>=0.0.1,<0.1", None),
        ("coro-core", None),
        ("coro-core @ https://example.invalid/9.9/coro_core.whl", None),
        ("coro-core; python_version >= '3.11'", None),
        ("coro-core-extras>=9", None),
        ("httpx>=9", None),
        ("coro-core>=9; extra == 'more'", None),
        ("coro-core>=9; python_version < '3'", None),
        ("coro-core >= nine", None),
        ("coro-core===nine", None),
        ("coro-core>=0.2rc1", ">=0.2rc1"),
    ],
)
def test_only_a_newer_core_is_reported(line: str, wanted: str | None) -> None:
    assert newer_core(["httpx>=0.28", line], "0.1.0") == wanted


class Acme(Distribution):
    """coro-acme 1.0, with the origin that its installer recorded."""

    def __init__(self, origin: object) -> None:
        self._origin = origin

    def read_text(self, filename: str) -> str | None:
        if filename == "direct_url.json":
            return json.dumps(self._origin) if self._origin else None
        return "Metadata-Version: 2.1\nName: coro-acme\nVersion: 1.0\n"

    def locate_file(self, path: object) -> Path:
        raise NotImplementedError


GIT = {"vcs": "git", "commit_id": "abc", "requested_revision": "main"}
WHEEL = "https://acme.example/coro_acme.whl"


@pytest.mark.parametrize(
    ("origin", "line"),
    [
        (None, "coro-acme==1.0"),
        ({"url": "file:///here", "dir_info": {"editable": True}}, "."),
        ({"url": "file:///here/plugins/acme", "dir_info": {}}, "./plugins/acme"),
        ({"url": "file:///here/an%20acme", "dir_info": {}}, "coro-acme @ file:///here/an%20acme"),
        ({"url": "file:///there", "dir_info": {}}, "coro-acme @ file:///there"),
        ({"url": WHEEL, "archive_info": {}}, f"coro-acme @ {WHEEL}"),
        (
            {"url": WHEEL, "archive_info": {"hashes": {"sha256": "12ab"}}},
            f"coro-acme @ {WHEEL}#sha256=12ab",
        ),
        (
            {"url": "https://git.example/acme", "vcs_info": GIT, "subdirectory": "python"},
            "coro-acme @ git+https://git.example/acme@abc#subdirectory=python",
        ),
    ],
)
def test_the_line_names_the_origin(origin: object, line: str) -> None:
    assert requirement(Acme(origin), Path("/here")) == line
