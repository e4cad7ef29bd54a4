"""The order of a provider's names, their verdicts, and a simulated year of changing names."""

import asyncio
import random
from typing import Any

import pytest

from coro_core import GenerateRequest, Generation, ModelUnavailable
from coro_core.catalog.catalog import Catalog
from coro_core.catalog.upstreams import MAX_NAMES, RETIRED_SECONDS, Upstreams
from coro_core.dispatch.caller import Caller, Prompt
from coro_core.dispatch.fanout import FanOut
from coro_core.plugins.registry import PluginRegistry
from support.clock import Clock
from support.plugins import REAL_PLUGINS, Echo, Installer, model, opened


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def upstreams(clock: Clock) -> Upstreams:
    return Upstreams(clock)


NAMES = ("a", "b", "c")


def test_without_knowledge_the_order_is_that_of_preference(upstreams: Upstreams) -> None:
    assert upstreams.order(NAMES) == NAMES


def test_names_on_the_list_come_first(upstreams: Upstreams) -> None:
    upstreams.listed = {"c", "b", "other"}
    assert upstreams.order(NAMES) == ("b", "c", "a")


def test_a_list_with_none_of_the_names_says_nothing(upstreams: Upstreams) -> None:
    upstreams.listed = {"other"}
    assert upstreams.order(NAMES) == NAMES


def test_a_name_that_answered_needs_no_list(upstreams: Upstreams) -> None:
    upstreams.listed = {"b"}
    upstreams.confirm("a")
    assert upstreams.order(NAMES) == ("a", "b", "c")


def test_a_retired_name_comes_last_for_a_while(upstreams: Upstreams, clock: Clock) -> None:
    upstreams.mark_retired("a")
    assert upstreams.order(NAMES) == ("b", "c", "a")
    clock.now += RETIRED_SECONDS - 0.001
    assert upstreams.order(NAMES) == ("b", "c", "a")
    clock.now += 0.001
    assert upstreams.order(NAMES) == NAMES


def test_a_retired_name_comes_last_even_if_listed(upstreams: Upstreams) -> None:
    upstreams.listed = set(NAMES)
    upstreams.mark_retired("a")
    assert upstreams.order(NAMES) == ("b", "c", "a")


def test_the_latest_verdict_of_a_call_counts(upstreams: Upstreams) -> None:
    upstreams.mark_retired("a")
    upstreams.confirm("a")
    assert upstreams.order(NAMES) == NAMES
    upstreams.mark_retired("a")
    assert upstreams.order(NAMES) == ("b", "c", "a")


def test_if_all_are_retired_the_order_is_that_of_preference(upstreams: Upstreams) -> None:
    for name in NAMES:
        upstreams.mark_retired(name)
    assert upstreams.order(NAMES) == NAMES


def test_the_number_of_verdicts_is_limited(upstreams: Upstreams) -> None:
    upstreams.mark_retired("first")
    for number in range(MAX_NAMES):
        upstreams.mark_retired(f"made-up-{number}")
    assert not upstreams.is_retired("first")
    assert upstreams.is_retired(f"made-up-{MAX_NAMES - 1}")


# --- doubt


def test_a_name_is_in_doubt_without_an_answer_or_a_list_that_holds_it(
    upstreams: Upstreams,
) -> None:
    assert upstreams.in_doubt("a")
    upstreams.listed = {"a"}
    assert not upstreams.in_doubt("a")
    assert upstreams.in_doubt("b")
    upstreams.confirm("b")
    assert not upstreams.in_doubt("b")


def test_an_answer_confirms_a_name_until_a_call_refutes_it(
    upstreams: Upstreams, clock: Clock
) -> None:
    upstreams.confirm("a")
    clock.now += 365 * 86_400
    assert not upstreams.in_doubt("a")
    upstreams.mark_retired("a")
    clock.now += RETIRED_SECONDS
    assert upstreams.in_doubt("a")
    upstreams.confirm("a")
    assert not upstreams.in_doubt("a")


def test_a_listed_name_that_was_found_retired_is_in_doubt(upstreams: Upstreams) -> None:
    upstreams.listed = {"a"}
    upstreams.mark_retired("a")
    assert upstreams.in_doubt("a")


def test_a_list_that_drops_a_name_refutes_its_answer_but_keeps_its_place(
    upstreams: Upstreams,
) -> None:
    upstreams.listed = {"a", "b"}
    upstreams.confirm("a")
    upstreams.listed = {"b"}
    assert upstreams.in_doubt("a")
    assert upstreams.order(NAMES) == ("a", "b", "c")
    upstreams.confirm("a")
    assert not upstreams.in_doubt("a")


def test_a_name_that_returns_to_the_list_is_not_in_doubt(upstreams: Upstreams) -> None:
    upstreams.listed = {"a"}
    upstreams.confirm("a")
    upstreams.listed = {"b"}
    upstreams.listed = {"a"}
    assert not upstreams.in_doubt("a")


# --- single flight


async def test_one_call_goes_first_and_the_others_learn_from_its_refusal(
    upstreams: Upstreams,
) -> None:
    refused = asyncio.Event()
    calls: list[int] = []

    async def call(number: int) -> None:
        async with upstreams.single_flight("a") as may_call:
            if may_call:
                calls.append(number)
                await refused.wait()
                upstreams.mark_retired("a")

    tasks = [asyncio.create_task(call(number)) for number in range(100)]
    await asyncio.sleep(0)
    refused.set()
    await asyncio.gather(*tasks)
    assert calls == [0]


async def test_the_others_do_not_wait_for_a_slow_answer(upstreams: Upstreams) -> None:
    everybody = asyncio.Barrier(10)

    async def call() -> None:
        async with upstreams.single_flight("a") as may_call:
            assert may_call
            await everybody.wait()
            upstreams.confirm("a")

    async with asyncio.timeout(20):
        await asyncio.gather(*(call() for _ in range(10)))


async def test_no_call_waits_for_a_confirmed_name(upstreams: Upstreams) -> None:
    upstreams.confirm("a")
    async with upstreams.single_flight("a"), upstreams.single_flight("a") as may_call:
        assert may_call


async def test_a_call_waits_for_the_verdict_on_a_name_in_doubt(upstreams: Upstreams) -> None:
    async def enter() -> bool:
        async with upstreams.single_flight("a") as may_call:
            return may_call

    async with upstreams.single_flight("a"):
        waiting = asyncio.create_task(enter())
        await asyncio.sleep(0)
        assert not waiting.done()
        upstreams.mark_retired("a")
    assert await waiting is False


async def test_if_the_first_call_is_cancelled_another_takes_its_place(
    upstreams: Upstreams,
) -> None:
    calls: list[str] = []

    async def call(name: str) -> None:
        async with upstreams.single_flight("a") as may_call:
            if may_call:
                calls.append(name)
                if name == "first":
                    await asyncio.Event().wait()
                upstreams.mark_retired("a")

    first = asyncio.create_task(call("first"))
    await asyncio.sleep(0)
    others = [asyncio.create_task(call(f"other-{n}")) for n in range(20)]
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.gather(*others)
    assert calls == ["first", "other-0"]


STEPS = 3000
SECONDS_A_YEAR = 365 * 86_400


@pytest.mark.parametrize("seed", range(5))
async def test_a_year_of_names_that_come_and_go(
    install: Installer, clock: Clock, seed: int
) -> None:
    """No id is ever left unanswered while one of its names is served, and no row ever lies."""
    chance = random.Random(seed)
    names = {f"m{n}": tuple(f"m{n}-{k}" for k in range(4)) for n in range(5)}
    everything = [name for candidates in names.values() for name in candidates]
    served = set(chance.sample(everything, 10))

    class Fickle(Echo):
        models = tuple(model(model_id, *candidates) for model_id, candidates in names.items())

        async def generate(self, request: GenerateRequest) -> Any:
            if request.model not in served:
                raise ModelUnavailable
            return Generation(text=request.model, model=request.model)

    install.add("fickle", Fickle)
    plugins = PluginRegistry({}, disabled=REAL_PLUGINS)
    catalog = Catalog(plugins, clock=clock)
    fanout = FanOut(catalog, Caller(plugins, catalog))
    answered = 0
    async with opened(plugins):
        record = plugins.record("fickle")
        assert record is not None
        for step in range(STEPS):
            clock.now += chance.expovariate(STEPS / SECONDS_A_YEAR)
            served ^= set(chance.sample(everything, chance.randrange(3)))
            if chance.random() < 0.3:
                # A list as providers keep them: some names too many, some too few.
                wrong = set(chance.sample(everything, chance.randrange(5)))
                catalog.upstreams(record).listed = served ^ wrong
            answers = await fanout.ask(list(names), Prompt("Hello", 0.0, 16), 5.0)
            for row in answers.rows:
                alive = [name for name in names[row.model] if name in served]
                where = f"seed {seed}, step {step}, {row}"
                if not alive:
                    assert row.error_code == "model_unavailable", where
                    continue
                answered += 1
                assert row.error_code is None, where
                assert row.upstream_model == row.response, where
                assert row.upstream_model in alive, where
                assert row.substituted == (row.upstream_model != names[row.model][0]), where
    print(f"seed {seed}: {STEPS} steps, {answered} rows answered")
    assert answered > STEPS
