"""Not asking a model that has just failed again and again."""

import asyncio
from typing import Any

import pytest

from coro_core import (
    AuthenticationFailed,
    BadRequest,
    ConnectionFailed,
    ContentBlocked,
    GenerateRequest,
    Overloaded,
    ProviderError,
    RateLimited,
    Timeout,
    UpstreamError,
)
from coro_core.dispatch.circuit_breaker import (
    FAILURES_TO_OPEN,
    FIRST_REST_SECONDS,
    LONGEST_LIMIT_SECONDS,
    LONGEST_LOOK_SECONDS,
    LONGEST_REST_SECONDS,
    MAX_CIRCUITS,
    Breakers,
)
from support.clock import Clock
from support.plugins import NO_REAL_PLUGINS, Echo, Installer, answer, model
from support.server import ask, running

KEY = ("acme", "big-1")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breakers(clock: Clock) -> Breakers:
    return Breakers(clock, lambda low, high: (low + high) / 2)


def fail(breakers: Breakers, error: ProviderError, times: int = FAILURES_TO_OPEN) -> None:
    for _ in range(times):
        breakers.failed(KEY, error, look=breakers.enter(KEY))


OUTAGES = [ConnectionFailed(), Overloaded(), Timeout(), UpstreamError()]


@pytest.mark.parametrize("error", OUTAGES, ids=lambda error: type(error).__name__)
def test_failures_in_a_row_open_the_circuit_and_are_told_as_what_they_were(
    breakers: Breakers, error: ProviderError
) -> None:
    fail(breakers, error)
    with pytest.raises(type(error)) as refused:
        breakers.enter(KEY)
    assert refused.value.retry_after == FIRST_REST_SECONDS
    assert refused.value.retryable is False
    assert "not asked again" in refused.value.message


def test_one_failure_less_does_not(breakers: Breakers) -> None:
    fail(breakers, UpstreamError(), FAILURES_TO_OPEN - 1)
    breakers.enter(KEY)


@pytest.mark.parametrize(
    "told", [None, BadRequest(), AuthenticationFailed(), ContentBlocked(), RateLimited()], ids=repr
)
def test_an_answer_and_the_callers_own_faults_start_the_count_again(
    breakers: Breakers, told: ProviderError | None
) -> None:
    fail(breakers, UpstreamError(), FAILURES_TO_OPEN - 1)
    if told is None:
        breakers.succeeded(KEY)
    else:
        breakers.failed(KEY, told, look=False)
    fail(breakers, UpstreamError(), FAILURES_TO_OPEN - 1)
    breakers.enter(KEY)


def test_the_circuits_of_other_names_stay_closed(breakers: Breakers) -> None:
    fail(breakers, UpstreamError())
    breakers.enter(("acme", "big-2"))
    breakers.enter(("other", "big-1"))


def test_after_the_rest_one_call_looks_and_an_answer_closes_the_circuit(
    breakers: Breakers, clock: Clock
) -> None:
    fail(breakers, UpstreamError())
    clock.now += FIRST_REST_SECONDS
    breakers.enter(KEY)
    with pytest.raises(UpstreamError):
        breakers.enter(KEY)
    breakers.succeeded(KEY)
    breakers.enter(KEY)
    breakers.enter(KEY)


def test_each_look_that_fails_doubles_the_rest_up_to_the_longest(
    breakers: Breakers, clock: Clock
) -> None:
    fail(breakers, UpstreamError())
    rest = FIRST_REST_SECONDS
    for _ in range(8):
        clock.now += rest - 0.001
        with pytest.raises(UpstreamError):
            breakers.enter(KEY)
        clock.now += 0.001
        fail(breakers, UpstreamError(), 1)
        rest = min(rest * 2, LONGEST_REST_SECONDS)
    assert rest == LONGEST_REST_SECONDS


def test_a_look_that_is_given_up_leaves_it_to_the_next(breakers: Breakers, clock: Clock) -> None:
    fail(breakers, UpstreamError())
    clock.now += FIRST_REST_SECONDS
    breakers.left(KEY, look=breakers.enter(KEY))
    assert breakers.enter(KEY)


def test_a_look_that_never_ends_leaves_it_to_another_after_a_while(
    breakers: Breakers, clock: Clock
) -> None:
    fail(breakers, UpstreamError())
    clock.now += FIRST_REST_SECONDS
    assert breakers.enter(KEY)
    clock.now += LONGEST_LOOK_SECONDS - 0.001
    with pytest.raises(UpstreamError):
        breakers.enter(KEY)
    clock.now += 0.001
    assert breakers.enter(KEY)


def test_many_calls_that_fail_together_open_the_circuit_once(
    breakers: Breakers, clock: Clock
) -> None:
    """Those that went out before it opened are no looks, and do not double the rest."""
    looks = [breakers.enter(KEY) for _ in range(50)]
    for look in looks:
        breakers.failed(KEY, UpstreamError(), look=look)
    clock.now += FIRST_REST_SECONDS
    assert breakers.enter(KEY)
    # Nor do they when they end while one looks, be it that their callers gave up.
    breakers.failed(KEY, Timeout(), look=False)
    breakers.left(KEY, look=False)
    with pytest.raises(UpstreamError):
        breakers.enter(KEY)
    breakers.left(KEY, look=True)
    assert breakers.enter(KEY)


def test_an_answer_from_before_a_rate_limit_does_not_lift_it(
    breakers: Breakers, clock: Clock
) -> None:
    before, limited = breakers.enter(KEY), breakers.enter(KEY)
    breakers.failed(KEY, RateLimited(retry_after=30.0), look=limited)
    breakers.succeeded(KEY)
    breakers.failed(KEY, BadRequest(), look=before)
    breakers.failed(KEY, RateLimited(retry_after=1.0), look=before)
    clock.now += 29.999
    with pytest.raises(RateLimited):
        breakers.enter(KEY)
    clock.now += 0.001
    assert breakers.enter(KEY)
    breakers.succeeded(KEY)
    assert not breakers.enter(KEY)


def test_the_rest_after_failures_does_not_grow_from_a_rate_limit(
    breakers: Breakers, clock: Clock
) -> None:
    fail(breakers, RateLimited(retry_after=20.0), 1)
    clock.now += 20.0
    fail(breakers, UpstreamError())
    clock.now += FIRST_REST_SECONDS
    assert breakers.enter(KEY)


@pytest.mark.parametrize(("asked", "rest"), [(7.0, 7.0), (9999.0, LONGEST_LIMIT_SECONDS)])
def test_a_rate_limit_with_a_wait_opens_the_circuit_for_that_long(
    breakers: Breakers, clock: Clock, asked: float, rest: float
) -> None:
    fail(breakers, RateLimited(retry_after=asked), 1)
    clock.now += rest - 0.001
    with pytest.raises(RateLimited):
        breakers.enter(KEY)
    clock.now += 0.001
    breakers.enter(KEY)


def test_names_that_callers_make_up_do_not_pile_up(breakers: Breakers) -> None:
    fail(breakers, UpstreamError())
    for number in range(MAX_CIRCUITS):
        breakers.failed(("acme", f"made-up-{number}"), UpstreamError(), look=False)
    breakers.enter(KEY)


class Ailing(Echo):
    """Fails as it is told, and counts the calls."""

    models = (model("echo"), model("well"))
    failure: ProviderError | None
    calls: int
    current: "Ailing"

    def __init__(self) -> None:
        self.failure, self.calls = Overloaded(), 0
        Ailing.current = self

    async def generate(self, request: GenerateRequest) -> Any:
        if request.model == "well-upstream":
            return answer("well")
        self.calls += 1
        if isinstance(self.failure, Timeout):
            await asyncio.sleep(3600)
        if self.failure is not None:
            raise self.failure
        return answer("ok")


async def test_an_outage_is_not_made_worse(install: Installer) -> None:
    """At most 1.2 calls for each row asked while everything is down, and the sibling answers."""
    install.add("ailing", Ailing)
    asked = 200
    async with running(NO_REAL_PLUGINS) as client:
        for _ in range(asked):
            response = await ask(client, "echo", "well")
            rows = {row["model"]: row for row in response.json()["responses"]}
            assert rows["well"]["response"] == "well"
            assert rows["echo"]["error_code"] == "overloaded"
    assert Ailing.current.calls <= 1.2 * asked
    # And in fact far fewer, once the circuit is open.
    assert Ailing.current.calls < asked / 2


async def test_a_row_that_was_not_asked_says_when_to_try_again(install: Installer) -> None:
    install.add("ailing", Ailing)
    async with running(NO_REAL_PLUGINS) as client:
        for _ in range(FAILURES_TO_OPEN):
            await ask(client, "echo")
        calls = Ailing.current.calls
        response = await ask(client, "echo")
    row = response.json()["responses"][0]
    assert Ailing.current.calls == calls
    assert "not asked again" in row["error"]
    assert 0 < row["retry_after_s"] <= FIRST_REST_SECONDS * 1.2
    assert int(response.headers["Retry-After"]) >= 1


async def test_a_model_that_does_not_answer_in_time_is_left_alone_for_a_while(
    install: Installer,
) -> None:
    class Hanging(Ailing):
        def __init__(self) -> None:
            super().__init__()
            self.failure = Timeout()

    install.add("hanging", Hanging)
    async with running({**NO_REAL_PLUGINS, "CORO_TIMEOUT": "0.5"}) as client:
        for _ in range(FAILURES_TO_OPEN + 2):
            row = (await ask(client, "echo")).json()["responses"][0]
            assert row["error_code"] == "timeout"
        assert Ailing.current.calls == FAILURES_TO_OPEN


async def test_callers_without_patience_do_not_open_the_circuit(install: Installer) -> None:
    class Hanging(Ailing):
        def __init__(self) -> None:
            super().__init__()
            self.failure = Timeout()

    install.add("hanging", Hanging)
    async with running(NO_REAL_PLUGINS) as client:
        for _ in range(FAILURES_TO_OPEN + 1):
            await ask(client, "echo", timeout=0.05)
        Ailing.current.failure = None
        assert (await ask(client, "echo")).json()["responses"][0]["response"] == "ok"


@pytest.mark.parametrize(("wait", "opened"), [(True, False), (False, True)], ids=["late", "early"])
async def test_a_plugin_that_keeps_the_callers_deadline_itself_has_not_failed(
    install: Installer, wait: bool, opened: bool
) -> None:
    class Punctual(Ailing):
        async def generate(self, request: GenerateRequest) -> Any:
            if self.failure is None:
                return answer("ok")
            # A little before the core would cancel it.
            await asyncio.sleep(request.timeout - 0.005 if wait else 0)
            raise Timeout(retryable=False)

    install.add("punctual", Punctual)
    async with running(NO_REAL_PLUGINS) as client:
        for _ in range(FAILURES_TO_OPEN + 1):
            await ask(client, "echo", timeout=0.1)
        Ailing.current.failure = None
        row = (await ask(client, "echo")).json()["responses"][0]
    assert (row["error_code"] == "timeout") is opened


async def test_calls_that_fail_together_cost_the_model_one_short_rest(install: Installer) -> None:
    class Together(Ailing):
        async def generate(self, request: GenerateRequest) -> Any:
            if self.calls < number:
                self.calls += 1
                await barrier.wait()
            raise Overloaded(retryable=False)

    number = 4 * FAILURES_TO_OPEN
    barrier = asyncio.Barrier(number)
    install.add("together", Together)
    async with running(NO_REAL_PLUGINS) as client:
        await asyncio.gather(*(ask(client, "echo") for _ in range(number)))
        row = (await ask(client, "echo")).json()["responses"][0]
    assert "not asked again" in row["error"]
    assert 0 < row["retry_after_s"] <= FIRST_REST_SECONDS * 1.2


async def test_a_rate_limit_lasts_though_calls_from_before_it_are_answered(
    install: Installer,
) -> None:
    class Limiting(Ailing):
        async def generate(self, request: GenerateRequest) -> Any:
            self.calls += 1
            if self.calls == 2:
                raise RateLimited(retry_after=40)
            await limited.wait()
            return answer("ok")

    limited = asyncio.Event()
    install.add("limiting", Limiting)
    async with running(NO_REAL_PLUGINS) as client:
        requests = [asyncio.create_task(ask(client, "echo")) for _ in range(2)]
        done, waiting = await asyncio.wait(requests, return_when=asyncio.FIRST_COMPLETED)
        limited.set()
        rows = [(await one).json()["responses"][0] for one in (*done, *waiting)]
        assert [row["error_code"] for row in rows] == ["rate_limited", None]
        row = (await ask(client, "echo")).json()["responses"][0]
    assert "not asked again" in row["error"]
    assert Limiting.current.calls == 2
