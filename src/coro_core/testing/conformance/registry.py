"""The checks by name: what each promises, and which others it builds on."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from coro_core.testing.conformance.plugin_under_test import PluginUnderTest

Run = Callable[[PluginUnderTest], Coroutine[Any, Any, str | None]]
"""Raises `Failure`, or returns what is worth showing beside "passed"."""


@dataclass(frozen=True, slots=True)
class Check:
    """One promise of the contract, and how it is put to the test."""

    name: str
    """What an author writes to declare an exception."""
    promise: str
    """One sentence: what every plugin does."""
    needs: tuple[str, ...]
    """The checks without which this one would prove nothing; they come before it."""
    run: Run


class Checks(list[Check]):
    """The checks of one kind, in the order in which they are run."""

    def __init__(self, title: str) -> None:
        super().__init__()
        self.title = title

    def add(self, name: str, promise: str, *, needs: tuple[str, ...] = ()) -> Callable[[Run], Run]:
        """Make a function a check."""

        def register(run: Run) -> Run:
            self.append(Check(name, promise, needs, run))
            return run

        return register
