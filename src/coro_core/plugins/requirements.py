"""What the metadata of installed distributions say: which core a plugin needs, and how it came."""

import json
import re
from collections.abc import Iterable
from importlib.metadata import Distribution
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

_CORE = re.compile(r"coro[-_.]core\s*(?![-_.\w])(?:\[[^\]]*\])?([^;@]*)", re.IGNORECASE)
_AT_LEAST = re.compile(r"(?:>=|~=|===?|>)\s*([0-9]+(?:\.[0-9]+)*)")
_PLAIN_PATH = re.compile(r"[\w./-]+")


def newer_core(requirements: Iterable[str], version: str) -> str | None:
    """Return what is required of the core, such as `<0.3,>=0.2`, if that is newer than `version`.

    Only the least version counts, by its numbers. A core that is newer than a plugin knows is no
    obstacle: whether they understand each other, the version of the contract says.
    """
    for requirement in requirements:
        if match := _CORE.match(requirement):
            wanted = match[1].strip(" ()")
            least = [_numbers(number) for number in _AT_LEAST.findall(wanted)]
            if least and max(least) > _numbers(version):
                return wanted
    return None


def requirement(dist: Distribution, beside: Path) -> str:
    """Return the line of a requirements file that installs the same again.

    What came from an index is told by its version; anything else by where it came from, as
    https://packaging.python.org/en/latest/specifications/direct-url/ (read 2026-11-22) keeps it: a
    folder, relative to `beside` if it is below; a file, with its hash; a commit of a repository.
    """
    origin: dict[str, Any] = json.loads(dist.read_text("direct_url.json") or "{}")
    url = origin.get("url")
    if not url:
        return f"{dist.name}=={dist.version}"
    if "dir_info" in origin:
        return _folder(url, beside) or f"{dist.name} @ {url}"
    fragments = []
    if "vcs_info" in origin:
        url = f"{origin['vcs_info']['vcs']}+{url}@{origin['vcs_info']['commit_id']}"
    elif digest := origin.get("archive_info", {}).get("hashes", {}).get("sha256"):
        fragments.append(f"sha256={digest}")
    if subdirectory := origin.get("subdirectory"):
        fragments.append(f"subdirectory={subdirectory}")
    return "#".join(filter(None, (f"{dist.name} @ {url}", "&".join(fragments))))


def _folder(url: str, beside: Path) -> str | None:
    """Return the path of a folder below `beside`; pip takes one with a dot in front of it."""
    path = Path(url2pathname(urlsplit(url).path))
    if not path.is_relative_to(beside):
        return None
    line = path.relative_to(beside).as_posix()
    if not _PLAIN_PATH.fullmatch(line):
        return None
    return "." if line == "." else f"./{line}"


def _numbers(version: str) -> tuple[int, ...]:
    """Return the numbers of a release, without zeros at its end: 0.2 and 0.2.0 are the same."""
    match = re.match(r"[0-9]+(?:\.[0-9]+)*", version)
    numbers = [int(number) for number in match[0].split(".")] if match else []
    while numbers and not numbers[-1]:
        numbers.pop()
    return tuple(numbers)
