"""Google's two SDKs: which one to use, and one way to use either. Neither is loaded from here."""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from importlib.metadata import PackageNotFoundError, version
from typing import Protocol

from coro_core import GenerateRequest, Generation, NotConfigured
from coro_core.kit import load_module

_MODULES = {"google-genai": "coro_gemini.genai", "google-generativeai": "coro_gemini.generativeai"}
"""The distributions, the preferred one first, and the module that knows each."""
_FITS = {
    "google-genai": (re.compile(r"3\.(?:[4-9]|\d\d)"), "3.4 or newer 3.x"),
    "google-generativeai": (re.compile(r"0\.8\."), "0.8.x"),
}
"""The versions that those modules are written for, as in pyproject.toml."""
_INSTALL = {
    "google-genai": "run pip install coro-gemini[genai]",
    "google-generativeai": "run pip install coro-gemini",
}


class Client(Protocol):
    """One client of an SDK, for one key. Both methods raise `ProviderError` and nothing else."""

    async def generate(self, request: GenerateRequest) -> Generation:
        """Return the answer to one prompt, within the request's timeout."""
        ...

    async def live_models(self) -> frozenset[str]:
        """Return the names that this key can generate with."""
        ...


def chosen_sdk(environ: Mapping[str, str]) -> str:
    """Return the SDK that `GEMINI_SDK` names; for `auto`, the preferred one of those installed.

    A version that we are not written for counts as not installed. Raises `NotConfigured`.
    """
    name = environ.get("GEMINI_SDK", "").strip() or "auto"
    if name == "auto":
        for sdk in _MODULES:
            if _is_installed(sdk):
                return sdk
        raise NotConfigured(
            "GEMINI_SDK",
            help=_INSTALL["google-generativeai"],
            problem="is auto, and no SDK of Google's is installed",
        )
    if name not in _MODULES:
        raise NotConfigured(
            "GEMINI_SDK",
            help=f"use auto, {' or '.join(sorted(_MODULES, reverse=True))}",
            problem="names no SDK that there is",
        )
    if not _is_installed(name):
        raise NotConfigured(
            "GEMINI_SDK",
            help=_INSTALL[name],
            problem=f"asks for {name}, of which no {_FITS[name][1]} is installed",
        )
    return name


@asynccontextmanager
async def open_client(sdk: str, key: str, address: str) -> AsyncIterator[Client]:
    """Load an SDK and open one client of it to `address`, for the running event loop."""
    module = await load_module(_MODULES[sdk])
    async with module.open_client(key, address) as wire:
        yield wire


def _is_installed(sdk: str) -> bool:
    try:
        return _FITS[sdk][0].match(version(sdk)) is not None
    except PackageNotFoundError:
        return False
