"""The list of plugins that break one promise each."""

import sys
from collections.abc import Callable

BROKEN: list[tuple[str, type]] = []
"""Each check that must fail, with its plugin."""


def breaks(check: str) -> Callable[[type], type]:
    """Register a class that breaks the promise of one check only."""

    def register(plugin: type) -> type:
        BROKEN.append((check, plugin))
        return plugin

    return register


def made(name: str, base: type, check: str, **attributes: object) -> None:
    """Make such a class in the module of its base, where another process finds it."""
    plugin = type(name, (base,), {"__module__": base.__module__, **attributes})
    setattr(sys.modules[base.__module__], name, plugin)
    breaks(check)(plugin)
