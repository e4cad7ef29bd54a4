"""Google's two SDKs: the versions that fit, and the choice between them."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError

from coro_core import NotConfigured


@dataclass(frozen=True, slots=True)
class Sdk:
    """One SDK, as far as the choice needs it."""

    versions: re.Pattern[str]
    """The versions that the provider client is written for, as in pyproject.toml."""
    versions_text: str
    install_help: str


SDKS: Mapping[str, Sdk] = {
    "google-genai": Sdk(
        re.compile(r"3\.(?:[4-9]|\d\d)"),
        "3.4 or newer 3.x",
        "run pip install coro-gemini[genai]",
    ),
    "google-generativeai": Sdk(
        re.compile(r"0\.8\."),
        "0.8.x",
        "run pip install coro-gemini",
    ),
}
"""The SDKs by distribution, the preferred one first."""


def choose_sdk(value: str, setting: str, installed_version: Callable[[str], str]) -> str:
    """Return the SDK that `value` names; for `auto` or blank, the preferred installed one.

    An SDK of another version counts as not installed. `installed_version` is
    `importlib.metadata.version`. Raises `NotConfigured` with the name of `setting`.
    """
    name = value.strip() or "auto"
    if name == "auto":
        for distribution in SDKS:
            if _is_installed(distribution, installed_version):
                return distribution
        raise NotConfigured(
            setting,
            help=SDKS["google-generativeai"].install_help,
            problem="is auto, and no SDK of Google's is installed",
        )
    sdk = SDKS.get(name)
    if sdk is None:
        raise NotConfigured(
            setting,
            help=f"use auto, {' or '.join(sorted(SDKS, reverse=True))}",
            problem="names no known SDK",
        )
    if not _is_installed(name, installed_version):
        raise NotConfigured(
            setting,
            help=sdk.install_help,
            problem=f"asks for {name}, of which no {sdk.versions_text} is installed",
        )
    return name


def _is_installed(distribution: str, installed_version: Callable[[str], str]) -> bool:
    try:
        found = installed_version(distribution)
    except PackageNotFoundError:
        return False
    return SDKS[distribution].versions.match(found) is not None
