"""Requirements in the metadata of distributions: the core a plugin needs, and its origin."""

import json
import re
from collections.abc import Iterable
from importlib.metadata import Distribution
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

if TYPE_CHECKING:
    from packaging.version import Version

_LOWER_BOUNDS = (">=", "~=", "==", "===", ">")
"""Operators of a version specifier that exclude older versions."""
_PLAIN_PATH = re.compile(r"[\w./-]+")


def newer_core(requirements: Iterable[str], version: str) -> str | None:
    """Return the requirement on the core, such as `<0.3,>=0.2`, if it is newer than `version`.

    Only the numbers of the lowest version count. A core that is newer than required is no obstacle:
    the contract's version says if the core and the plugin fit.
    """
    # Only here: it takes 40 ms to load, and only a registry of plugins needs it.
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.utils import canonicalize_name
    from packaging.version import InvalidVersion

    for line in requirements:
        try:
            wanted = Requirement(line)
            if canonicalize_name(wanted.name) != "coro-core":
                continue
            applies = wanted.marker is None or wanted.marker.evaluate({"extra": ""})
            lowest = [
                _numbers(specifier.version.removesuffix(".*"))
                for specifier in wanted.specifier
                if specifier.operator in _LOWER_BOUNDS
            ]
        except (InvalidRequirement, InvalidVersion):
            # The installer reports it; here it excludes no core.
            continue
        if applies and lowest and max(lowest) > _numbers(version):
            return str(wanted.specifier)
    return None


def requirement(dist: Distribution, beside: Path) -> str:
    """Return the line of a requirements file that installs the same distribution again.

    A distribution from an index is named by its version. Any other is named by its origin, as
    https://packaging.python.org/en/latest/specifications/direct-url/ (read 2026-11-22) records it:
    a folder, relative to `beside` if it is below; a file, with its hash; a commit of a repository.
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
    """Return the path of a folder below `beside`; pip takes a path that begins with a dot."""
    path = Path(url2pathname(urlsplit(url).path))
    if not path.is_relative_to(beside):
        return None
    line = path.relative_to(beside).as_posix()
    if not _PLAIN_PATH.fullmatch(line):
        return None
    return "." if line == "." else f"./{line}"


def _numbers(version: str) -> "Version":
    """Return a version without its pre-release, post-release and local parts."""
    from packaging.version import Version

    return Version(Version(version).base_version)
