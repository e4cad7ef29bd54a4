"""When a failed call is made again: how long to wait, and how many retries an outage gets."""

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
def test_only_what_may_turn_out_better_is_tried_again(code: str) -> None:
    [kind] = [kind for kind in ProviderError.__subclasses__() if getattr(kind, "code", "") == code]
    error = kind("SETTING", help="x") if kind is errors.NotConfigured else kind()
    wait = wait_before_retry(error, ENOUGH, least)
    assert wait == (0.0 if kind.may_retry else None)


def test_the_plugins_own_judgement_wins() -> None:
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
def test_what_the_provider_asks_for_is_the_least_and_chance_is_added(
    error: ProviderError, shortest: float, longest: float
) -> None:
    assert wait_before_retry(error, ENOUGH, least) == shortest
    assert wait_before_retry(error, ENOUGH, most) == longest


def test_chance_is_drawn_anew_for_every_retry() -> None:
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


def test_chance_counts_as_time_too() -> None:
    left = USEFUL_SECONDS + JITTER_SECONDS
    assert wait_before_retry(Overloaded(), left, most) == JITTER_SECONDS
    assert wait_before_retry(Overloaded(), math.nextafter(left, 0), most) is None


def spent(budget: RetryBudget) -> int:
    """Spend what there is; return how much that was."""
    retries = 0
    while budget.spend():
        retries += 1
        assert retries <= BUDGET, "there is no end to it"
    return retries


def test_a_provider_starts_with_a_few_retries_and_no_more() -> None:
    budget = RetryBudget()
    assert spent(budget) == BUDGET
    assert budget.spend() is False


@pytest.mark.parametrize(("calls", "retries"), [(9, 0), (11, 1), (55, 5), (10_000, BUDGET)])
def test_a_retry_is_earned_by_about_ten_calls_up_to_what_it_started_with(
    calls: int, retries: int
) -> None:
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


def test_an_outage_is_sent_at_most_a_tenth_more() -> None:
    budget = RetryBudget()
    retries = 0
    for _ in range(10_000):
        budget.earn()
        retries += budget.spend()
    assert 10_000 * 0.1 <= retries <= 10_000 * 0.1 + BUDGET


def test_budgets_are_apart() -> None:
    spent(RetryBudget())
    assert RetryBudget().spend() is True
