"""The register of plugins that break one promise each."""

import sys
from collections.abc import Callable

BROKEN: list[tuple[str, type]] = []
"""The check that must fail, and the plugin."""


def breaks(check: str) -> Callable[[type], type]:
    """Note that a class breaks the promise of a check, and no other."""

    def note(plugin: type) -> type:
        BROKEN.append((check, plugin))
        return plugin

    return note


def made(name: str, base: type, check: str, **attributes: object) -> None:
    """Make such a class; another process finds it in the module of its base."""
    plugin = type(name, (base,), {"__module__": base.__module__, **attributes})
    setattr(sys.modules[base.__module__], name, plugin)
    breaks(check)(plugin)
