"""Profiles of the fuzz tests: the short one runs with the suite, the long one by command.

The short one draws the same cases each time, so that it fails always or never. The long one draws
new ones; its seed is printed, and `FUZZ_SEED` draws them again.
"""

import functools
import os
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, seed, settings
from hypothesis.strategies import SearchStrategy

LONG = os.environ.get("FUZZ") == "long"
CASES = 10_000 if LONG else 200
"""Cases per property, except for one that starts a process for each case."""
SEED = int(os.environ.get("FUZZ_SEED") or (random.randrange(2**32) if LONG else 4))
TRIED: Counter[str] = Counter()
"""Cases per property in this run, including those that shrink a failure."""


def fuzz(*, cases: int = CASES, **strategies: SearchStrategy[Any]) -> Callable[..., Any]:
    """Try a property with drawn arguments, in as many cases as the profile says by default."""

    def decorate(test: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(test)
        def counted(*arguments: Any, **drawn: Any) -> Any:
            # By the test's name with its parameters, as pytest has it.
            TRIED[os.environ["PYTEST_CURRENT_TEST"].partition("::")[2].partition(" ")[0]] += 1
            return test(*arguments, **drawn)

        profile = settings(
            max_examples=cases,
            # No case may fail for the time it takes, and none for what an earlier run has found.
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
            database=None,
            print_blob=True,
        )
        tried: Callable[..., Any] = seed(SEED)(profile(given(**strategies)(counted)))
        return tried

    return decorate
