"""A check, its promise, and the checks that it depends on."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from coro_core.testing.conformance.plugin_under_test import PluginUnderTest

Run = Callable[[PluginUnderTest], Coroutine[Any, Any, str | None]]
"""Raises `Failure`, or returns a detail to show beside "passed"."""


@dataclass(frozen=True, slots=True)
class Check:
    """One promise of the contract, and the function that checks it."""

    name: str
    """The name that an author writes to declare an exception."""
    promise: str
    """The promise, in one sentence."""
    depends_on: tuple[str, ...]
    """Checks that must pass first; without them this one proves nothing."""
    run: Run


class Checks(list[Check]):
    """The checks of one group, in the order in which they run."""

    def __init__(self, title: str) -> None:
        super().__init__()
        self.title = title

    def add(
        self, name: str, promise: str, *, depends_on: tuple[str, ...] = ()
    ) -> Callable[[Run], Run]:
        """Register a function as a check."""

        def register(run: Run) -> Run:
            self.append(Check(name, promise, depends_on, run))
            return run

        return register
