"""Circuit breakers: a model that keeps failing is not called for a while."""

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
    FIRST_COOLDOWN_SECONDS,
    LONGEST_COOLDOWN_SECONDS,
    LONGEST_LIMIT_SECONDS,
    LONGEST_PROBE_SECONDS,
    MAX_CIRCUITS,
    CircuitBreakers,
)
from support.clock import Clock
from support.plugins import NO_REAL_PLUGINS, Echo, Installer, answer, model
from support.server import ask, running

KEY = ("acme", "big-1")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breakers(clock: Clock) -> CircuitBreakers:
    return CircuitBreakers(clock, lambda low, high: (low + high) / 2)


def fail(breakers: CircuitBreakers, error: ProviderError, times: int = FAILURES_TO_OPEN) -> None:
    for _ in range(times):
        breakers.failed(KEY, error, probe=breakers.enter(KEY))


OUTAGES = [ConnectionFailed(), Overloaded(), Timeout(), UpstreamError()]


@pytest.mark.parametrize("error", OUTAGES, ids=lambda error: type(error).__name__)
def test_failures_in_a_row_open_the_circuit_which_raises_their_kind(
    breakers: CircuitBreakers, error: ProviderError
) -> None:
    fail(breakers, error)
    with pytest.raises(type(error)) as refused:
        breakers.enter(KEY)
    assert refused.value.retry_after == FIRST_COOLDOWN_SECONDS
    assert refused.value.retryable is False
    assert "not asked again" in refused.value.message


def test_one_failure_less_does_not_open_the_circuit(breakers: CircuitBreakers) -> None:
    fail(breakers, UpstreamError(), FAILURES_TO_OPEN - 1)
    breakers.enter(KEY)


@pytest.mark.parametrize(
    "outcome",
    [None, BadRequest(), AuthenticationFailed(), ContentBlocked(), RateLimited()],
    ids=repr,
)
def test_an_answer_or_the_callers_own_fault_resets_the_count(
    breakers: CircuitBreakers, outcome: ProviderError | None
) -> None:
    fail(breakers, UpstreamError(), FAILURES_TO_OPEN - 1)
    if outcome is None:
        breakers.succeeded(KEY)
    else:
        breakers.failed(KEY, outcome, probe=False)
    fail(breakers, UpstreamError(), FAILURES_TO_OPEN - 1)
    breakers.enter(KEY)


def test_the_circuits_of_other_names_stay_closed(breakers: CircuitBreakers) -> None:
    fail(breakers, UpstreamError())
    breakers.enter(("acme", "big-2"))
    breakers.enter(("other", "big-1"))


def test_after_the_cooldown_one_call_is_the_probe_and_its_answer_closes_the_circuit(
    breakers: CircuitBreakers, clock: Clock
) -> None:
    fail(breakers, UpstreamError())
    clock.now += FIRST_COOLDOWN_SECONDS
    breakers.enter(KEY)
    with pytest.raises(UpstreamError):
        breakers.enter(KEY)
    breakers.succeeded(KEY)
    breakers.enter(KEY)
    breakers.enter(KEY)


def test_each_failed_probe_doubles_the_cooldown_up_to_the_longest(
    breakers: CircuitBreakers, clock: Clock
) -> None:
    fail(breakers, UpstreamError())
    cooldown = FIRST_COOLDOWN_SECONDS
    for _ in range(8):
        clock.now += cooldown - 0.001
        with pytest.raises(UpstreamError):
            breakers.enter(KEY)
        clock.now += 0.001
        fail(breakers, UpstreamError(), 1)
        cooldown = min(cooldown * 2, LONGEST_COOLDOWN_SECONDS)
    assert cooldown == LONGEST_COOLDOWN_SECONDS


def test_after_a_released_probe_the_next_call_is_the_probe(
    breakers: CircuitBreakers, clock: Clock
) -> None:
    fail(breakers, UpstreamError())
    clock.now += FIRST_COOLDOWN_SECONDS
    breakers.released(KEY, probe=breakers.enter(KEY))
    assert breakers.enter(KEY)


def test_a_probe_that_never_ends_is_replaced_after_a_while(
    breakers: CircuitBreakers, clock: Clock
) -> None:
    fail(breakers, UpstreamError())
    clock.now += FIRST_COOLDOWN_SECONDS
    assert breakers.enter(KEY)
    clock.now += LONGEST_PROBE_SECONDS - 0.001
    with pytest.raises(UpstreamError):
        breakers.enter(KEY)
    clock.now += 0.001
    assert breakers.enter(KEY)


def test_many_calls_that_fail_together_open_the_circuit_once(
    breakers: CircuitBreakers, clock: Clock
) -> None:
    """Calls from before it opened are no probes, and do not double the cooldown."""
    probes = [breakers.enter(KEY) for _ in range(50)]
    for probe in probes:
        breakers.failed(KEY, UpstreamError(), probe=probe)
    clock.now += FIRST_COOLDOWN_SECONDS
    assert breakers.enter(KEY)
    # Calls that end or are released during the probe do not count either.
    breakers.failed(KEY, Timeout(), probe=False)
    breakers.released(KEY, probe=False)
    with pytest.raises(UpstreamError):
        breakers.enter(KEY)
    breakers.released(KEY, probe=True)
    assert breakers.enter(KEY)


def test_an_answer_from_before_a_rate_limit_does_not_lift_it(
    breakers: CircuitBreakers, clock: Clock
) -> None:
    before, limited = breakers.enter(KEY), breakers.enter(KEY)
    breakers.failed(KEY, RateLimited(retry_after=30.0), probe=limited)
    breakers.succeeded(KEY)
    breakers.failed(KEY, BadRequest(), probe=before)
    breakers.failed(KEY, RateLimited(retry_after=1.0), probe=before)
    clock.now += 29.999
    with pytest.raises(RateLimited):
        breakers.enter(KEY)
    clock.now += 0.001
    assert breakers.enter(KEY)
    breakers.succeeded(KEY)
    assert not breakers.enter(KEY)


def test_a_rate_limit_does_not_lengthen_the_cooldown_after_failures(
    breakers: CircuitBreakers, clock: Clock
) -> None:
    fail(breakers, RateLimited(retry_after=20.0), 1)
    clock.now += 20.0
    fail(breakers, UpstreamError())
    clock.now += FIRST_COOLDOWN_SECONDS
    assert breakers.enter(KEY)


@pytest.mark.parametrize(("asked", "cooldown"), [(7.0, 7.0), (9999.0, LONGEST_LIMIT_SECONDS)])
def test_a_rate_limit_with_a_wait_opens_the_circuit_for_that_long(
    breakers: CircuitBreakers, clock: Clock, asked: float, cooldown: float
) -> None:
    fail(breakers, RateLimited(retry_after=asked), 1)
    clock.now += cooldown - 0.001
    with pytest.raises(RateLimited):
        breakers.enter(KEY)
    clock.now += 0.001
    breakers.enter(KEY)


def test_the_number_of_circuits_is_limited(breakers: CircuitBreakers) -> None:
    fail(breakers, UpstreamError())
    for number in range(MAX_CIRCUITS):
        breakers.failed(("acme", f"made-up-{number}"), UpstreamError(), probe=False)
    breakers.enter(KEY)


class Ailing(Echo):
    """Raises its failure, and counts the calls."""

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


async def test_an_outage_is_not_amplified(install: Installer) -> None:
    """At most 1.2 calls for each row while the model is down, and the sibling answers."""
    install.add("ailing", Ailing)
    asked = 200
    async with running(NO_REAL_PLUGINS) as client:
        for _ in range(asked):
            response = await ask(client, "echo", "well")
            rows = {row["model"]: row for row in response.json()["responses"]}
            assert rows["well"]["response"] == "well"
            assert rows["echo"]["error_code"] == "overloaded"
    assert Ailing.current.calls <= 1.2 * asked
    # Far fewer in fact, once the circuit is open.
    assert Ailing.current.calls < asked / 2


async def test_a_row_of_an_open_circuit_says_when_to_try_again(install: Installer) -> None:
    install.add("ailing", Ailing)
    async with running(NO_REAL_PLUGINS) as client:
        for _ in range(FAILURES_TO_OPEN):
            await ask(client, "echo")
        calls = Ailing.current.calls
        response = await ask(client, "echo")
    row = response.json()["responses"][0]
    assert Ailing.current.calls == calls
    assert "not asked again" in row["error"]
    assert 0 < row["retry_after_s"] <= FIRST_COOLDOWN_SECONDS * 1.2
    assert int(response.headers["Retry-After"]) >= 1


async def test_a_model_that_does_not_answer_in_time_is_not_called_for_a_while(
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


async def test_short_deadlines_do_not_open_the_circuit(install: Installer) -> None:
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
async def test_a_plugin_that_keeps_a_short_deadline_by_itself_has_not_failed(
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


async def test_calls_that_fail_together_cost_the_model_one_short_cooldown(
    install: Installer,
) -> None:
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
    assert 0 < row["retry_after_s"] <= FIRST_COOLDOWN_SECONDS * 1.2


async def test_a_rate_limit_lasts_although_earlier_calls_are_answered(
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
