"""Every check, in the order in which the suite runs them."""

from collections.abc import Mapping, Sequence

from coro_core.testing.conformance import (
    error_mapping,
    generations,
    import_checks,
    metadata,
    resources,
    secrets,
    settings,
    timing,
    transport,
)
from coro_core.testing.conformance.failure import require
from coro_core.testing.conformance.plugin_under_test import PluginUnderTest
from coro_core.testing.conformance.registry import Check, Checks

_DECLARED = Checks("Declared exceptions")


@_DECLARED.add("exceptions", "Every exception it declares names a check and gives a reason.")
async def _exceptions(plugin: PluginUnderTest) -> str | None:
    declared = getattr(plugin.plugin_class, "coro_exceptions", {})
    require(isinstance(declared, Mapping), "coro_exceptions must map check names to reasons.")
    for name, reason in declared.items():
        require(name in CHECKS, f"coro_exceptions names {name!r}, which is not a check.")
        require(name != "exceptions", "coro_exceptions cannot waive the check 'exceptions'.")
        sound = isinstance(reason, str) and reason.strip()
        require(sound, f"coro_exceptions gives no reason for {name!r}.")
    return f"{len(declared)} declared" if declared else None


GROUPS: Sequence[Checks] = (
    _DECLARED,
    metadata.CHECKS,
    settings.CHECKS,
    generations.CHECKS,
    error_mapping.CHECKS,
    timing.CHECKS,
    transport.CHECKS,
    secrets.CHECKS,
    resources.CHECKS,
    import_checks.CHECKS,
)
CHECKS: Mapping[str, Check] = {check.name: check for group in GROUPS for check in group}
"""The checks by name. A check comes after those that it depends on."""
