"""Every check, in the order in which they are run."""

from collections.abc import Mapping, Sequence

from coro_core.testing.contract import (
    answers,
    loading,
    metadata,
    refusals,
    resources,
    secrets,
    settings,
    timing,
    transport,
)
from coro_core.testing.contract.registry import Check, Checks, demand
from coro_core.testing.contract.subject import Subject

_DECLARED = Checks("What it does not promise")


@_DECLARED.add("exceptions", "Every exception it declares names a check and gives a reason.")
async def _exceptions(subject: Subject) -> str | None:
    declared = getattr(subject.plugin, "coro_exceptions", {})
    demand(isinstance(declared, Mapping), "coro_exceptions is no mapping of checks to reasons.")
    for name, reason in declared.items():
        demand(name in CHECKS, f"coro_exceptions names {name!r}, and there is no such check.")
        demand(name != "exceptions", "coro_exceptions cannot make an exception of itself.")
        sound = isinstance(reason, str) and reason.strip()
        demand(sound, f"coro_exceptions gives no reason for {name!r}.")
    return f"{len(declared)} declared" if declared else None


GROUPS: Sequence[Checks] = (
    _DECLARED,
    metadata.CHECKS,
    settings.CHECKS,
    answers.CHECKS,
    refusals.CHECKS,
    timing.CHECKS,
    transport.CHECKS,
    secrets.CHECKS,
    resources.CHECKS,
    loading.CHECKS,
)
CHECKS: Mapping[str, Check] = {check.name: check for group in GROUPS for check in group}
"""By name. A check comes after those that it builds on."""
