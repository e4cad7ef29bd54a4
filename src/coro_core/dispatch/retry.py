"""When to try a failed call again. The core makes the only retry there is, and at most one."""

import random
from collections.abc import Callable

from coro_core.contract.errors import ProviderError, RateLimited

JITTER_SECONDS = 0.25
THROTTLED_JITTER_SECONDS = 1.0
"""Rate limits are counted over seconds: an immediate retry would meet the same one."""
USEFUL_SECONDS = 1.0
"""A retry that leaves an answer less time than this is not made."""
EARNED_PER_CALL = 0.1
BUDGET = 10.0


class RetryBudget:
    """Retries that one provider may still be sent: a tenth of its calls, and some to begin with.

    It keeps an outage from being made worse: when everything fails, retries soon stop.
    """

    def __init__(self) -> None:
        self._left = BUDGET

    def earn(self) -> None:
        """Count one first attempt."""
        self._left = min(self._left + EARNED_PER_CALL, BUDGET)

    def spend(self) -> bool:
        """Take one retry out of the budget; return whether there was one."""
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

    What the provider asks for is the least; some chance is added, so that callers who failed
    together do not come back together.
    """
    if not error.retryable:
        return None
    jitter = THROTTLED_JITTER_SECONDS if isinstance(error, RateLimited) else JITTER_SECONDS
    wait = (error.retry_after or 0.0) + uniform(0.0, jitter)
    return wait if wait + USEFUL_SECONDS <= time_left else None
