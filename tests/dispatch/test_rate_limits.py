"""Rate limits without a wait: learned from the refusals, on a simulated clock."""

import pytest

from coro_core import RateLimited
from coro_core.dispatch.circuit_breaker import CircuitBreakers
from support.clock import Clock

KEY = ("acme", "big-1")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breakers(clock: Clock) -> CircuitBreakers:
    return CircuitBreakers(clock, lambda low, high: (low + high) / 2)


def refuse(breakers: CircuitBreakers) -> None:
    breakers.failed(KEY, RateLimited(), probe=breakers.enter(KEY))


class LimitedProvider:
    """A provider that serves 15 calls a minute and refuses the others without a wait."""

    per_minute = 15

    def __init__(self, kind: str, clock: Clock) -> None:
        self.kind, self.clock = kind, clock
        self.served: list[float] = []

    def serves(self) -> bool:
        now = self.clock.now
        if self.kind == "fixed":
            recent = [at for at in self.served if at // 60 == now // 60]
        else:
            recent = [at for at in self.served if at > now - 60]
        if len(recent) < self.per_minute:
            self.served.append(now)
            return True
        return False


@pytest.mark.parametrize("kind", ["fixed", "sliding"])
@pytest.mark.parametrize("workers", [1, 2])
def test_a_rate_limit_without_a_wait_is_learned(kind: str, workers: int, clock: Clock) -> None:
    """At most 5 % of the calls are refused after three minutes, and most of the limit is used."""
    provider = LimitedProvider(kind, clock)
    several = [CircuitBreakers(clock, lambda low, high: (low + high) / 2) for _ in range(workers)]
    began, outcomes = clock.now, []
    for number in range(20 * 40):
        clock.now = began + number * 1.5
        breakers = several[number % workers]
        try:
            probe = breakers.enter(KEY)
        except RateLimited:
            continue
        served = provider.serves()
        if clock.now >= began + 180:
            outcomes.append(served)
        if served:
            breakers.succeeded(KEY)
        else:
            breakers.failed(KEY, RateLimited(), probe=probe)
    assert outcomes.count(False) <= 0.05 * len(outcomes)
    assert outcomes.count(True) >= 0.9 * 17 * provider.per_minute


def test_one_rate_limit_without_a_wait_stops_no_call(breakers: CircuitBreakers) -> None:
    refuse(breakers)
    breakers.enter(KEY)


def test_each_rate_limit_without_a_wait_doubles_the_pause(
    breakers: CircuitBreakers, clock: Clock
) -> None:
    refuse(breakers)
    for pause in (5.0, 10.0, 20.0, 40.0, 60.0, 60.0):
        refuse(breakers)
        clock.now += pause - 0.001
        with pytest.raises(RateLimited):
            breakers.enter(KEY)
        clock.now += 0.001


def test_a_learned_rate_limit_is_forgotten_after_an_hour(
    breakers: CircuitBreakers, clock: Clock
) -> None:
    refuse(breakers)
    clock.now += 61.0
    breakers.enter(KEY)
    refuse(breakers)
    with pytest.raises(RateLimited):
        breakers.enter(KEY)
    clock.now += 3600.0
    for _ in range(100):
        breakers.enter(KEY)
        breakers.succeeded(KEY)
