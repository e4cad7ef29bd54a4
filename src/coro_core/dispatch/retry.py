"""The retry rule: at most one retry of a failed call, made by the core alone."""

import random
from collections.abc import Callable

from coro_core.contract.errors import ProviderError, RateLimited

JITTER_SECONDS = 0.25
THROTTLED_JITTER_SECONDS = 1.0
"""Providers count rate limits over seconds, so an immediate retry would meet the same limit."""
USEFUL_SECONDS = 1.0
"""No retry is made that leaves less time than this for the answer."""
EARNED_PER_CALL = 0.1
BUDGET = 10.0
"""Retries that a budget holds at most; without any left, a failed call is not retried."""


class RetryBudget:
    """Retries left for one provider, or for one service of a plugin that has several.

    Ten at the start; every ten calls add one. The budget keeps an outage from being amplified: when
    every call fails, retries soon stop.
    """

    def __init__(self) -> None:
        self._left = BUDGET

    def earn(self) -> None:
        """Count one first attempt."""
        self._left = min(self._left + EARNED_PER_CALL, BUDGET)

    def spend(self) -> bool:
        """Take one retry out of the budget; return False if none was left."""
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True


def wait_before_retry(
    error: ProviderError,
    time_left: float,
    uniform: Callable[[float, float], float] = random.uniform,
) -> float | None:
    """Return the seconds to wait before the retry, or `None` if it cannot help or does not fit.

    The provider's own wait is the least. Jitter is added, so that calls that failed together are
    not retried together.
    """
    if not error.retryable:
        return None
    jitter = THROTTLED_JITTER_SECONDS if isinstance(error, RateLimited) else JITTER_SECONDS
    wait = (error.retry_after or 0.0) + uniform(0.0, jitter)
    return wait if wait + USEFUL_SECONDS <= time_left else None
