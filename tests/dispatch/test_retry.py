"""The retry rule: the wait before a retry, and the number of retries in an outage."""

import math
import random

import pytest

from coro_core import ConnectionFailed, Overloaded, ProviderError, RateLimited, Timeout
from coro_core.contract import errors
from coro_core.dispatch.retry import (
    BUDGET,
    JITTER_SECONDS,
    THROTTLED_JITTER_SECONDS,
    USEFUL_SECONDS,
    RetryBudget,
    wait_before_retry,
)

ENOUGH = 3600.0


def least(low: float, high: float) -> float:
    assert low <= high
    return low


def most(low: float, high: float) -> float:
    assert low <= high
    return high


@pytest.mark.parametrize("code", errors.ERROR_CODES)
def test_only_errors_that_may_pass_are_retried(code: str) -> None:
    [kind] = [kind for kind in ProviderError.__subclasses__() if getattr(kind, "code", "") == code]
    error = kind("SETTING", help="x") if kind is errors.NotConfigured else kind()
    wait = wait_before_retry(error, ENOUGH, least)
    assert wait == (0.0 if kind.may_retry else None)


def test_the_plugins_own_verdict_on_a_retry_wins() -> None:
    assert wait_before_retry(ConnectionFailed(retryable=False), ENOUGH, least) is None
    assert wait_before_retry(Timeout(retryable=True), ENOUGH, least) == 0.0


@pytest.mark.parametrize(
    ("error", "shortest", "longest"),
    [
        (ConnectionFailed(), 0.0, JITTER_SECONDS),
        (Overloaded(retry_after=2), 2.0, 2.0 + JITTER_SECONDS),
        (Overloaded(retry_after=0), 0.0, JITTER_SECONDS),
        (Timeout(retry_after=1.5, retryable=True), 1.5, 1.5 + JITTER_SECONDS),
        (RateLimited(), 0.0, THROTTLED_JITTER_SECONDS),
        (RateLimited(retry_after=2), 2.0, 2.0 + THROTTLED_JITTER_SECONDS),
        (RateLimited(retry_after=math.inf), 0.0, THROTTLED_JITTER_SECONDS),
    ],
    ids=repr,
)
def test_the_providers_wait_is_the_least_and_jitter_is_added(
    error: ProviderError, shortest: float, longest: float
) -> None:
    assert wait_before_retry(error, ENOUGH, least) == shortest
    assert wait_before_retry(error, ENOUGH, most) == longest


def test_each_retry_has_its_own_jitter() -> None:
    seeded = random.Random(7)
    waits = {wait_before_retry(Overloaded(), ENOUGH, seeded.uniform) for _ in range(50)}
    assert len(waits) == 50
    assert all(wait is not None and 0 <= wait <= JITTER_SECONDS for wait in waits)


@pytest.mark.parametrize(
    ("retry_after", "time_left", "wait"),
    [
        (None, USEFUL_SECONDS, 0.0),
        (None, math.nextafter(USEFUL_SECONDS, 0), None),
        (None, 0.0, None),
        (None, -5.0, None),
        (3.0, 3.0 + USEFUL_SECONDS, 3.0),
        (3.0, math.nextafter(3.0 + USEFUL_SECONDS, 0), None),
        (3.0, 3.0, None),
        (86_400.0, 60.0, None),
    ],
)
def test_a_retry_that_leaves_no_useful_time_is_not_made(
    retry_after: float | None, time_left: float, wait: float | None
) -> None:
    assert wait_before_retry(Overloaded(retry_after=retry_after), time_left, least) == wait


def test_jitter_counts_as_time() -> None:
    left = USEFUL_SECONDS + JITTER_SECONDS
    assert wait_before_retry(Overloaded(), left, most) == JITTER_SECONDS
    assert wait_before_retry(Overloaded(), math.nextafter(left, 0), most) is None


def spent(budget: RetryBudget) -> int:
    """Spend the whole budget; return the number of retries."""
    retries = 0
    while budget.spend():
        retries += 1
        assert retries <= BUDGET, "the budget has no end"
    return retries


def test_a_budget_starts_with_ten_retries() -> None:
    budget = RetryBudget()
    assert spent(budget) == BUDGET
    assert budget.spend() is False


@pytest.mark.parametrize(("calls", "retries"), [(9, 0), (11, 1), (55, 5), (10_000, BUDGET)])
def test_ten_calls_earn_a_retry_up_to_the_full_budget(calls: int, retries: int) -> None:
    budget = RetryBudget()
    spent(budget)
    for _ in range(calls):
        budget.earn()
    assert spent(budget) == retries


def test_a_full_budget_earns_nothing() -> None:
    budget = RetryBudget()
    for _ in range(1000):
        budget.earn()
    assert spent(budget) == BUDGET


def test_an_outage_gets_at_most_a_tenth_more_calls() -> None:
    budget = RetryBudget()
    retries = 0
    for _ in range(10_000):
        budget.earn()
        retries += budget.spend()
    assert 10_000 * 0.1 <= retries <= 10_000 * 0.1 + BUDGET


def test_budgets_are_independent() -> None:
    spent(RetryBudget())
    assert RetryBudget().spend() is True
