"""The script of a simulator, without a simulator."""

import asyncio

import pytest

from coro_core.testing import Behaviour, Call, Fault, simulated_answer

CALL = Call("/chat", "m", {}, {})
DEFAULT_MODELS = {"m": 0.0, "n": 0.0}


@pytest.mark.parametrize(
    ("prompt", "result"),
    [
        ("What is 2+2?", "2 + 2 = 4."),
        ("7 - 10", "7 - 10 = -3."),
        ("6*7", "6 * 7 = 42."),
        ("6 x 7", "6 x 7 = 42."),
        ("-3 \u00d7 5", "-3 \u00d7 5 = -15."),
    ],
)
def test_a_small_sum_is_answered(prompt, result):
    answer = simulated_answer("m", prompt)
    assert result in answer
    assert "imulated answer of m" in answer


@pytest.mark.parametrize(("prompt", "words"), [("Hello", "1 word;"), ("Hello you", "2 words;")])
def test_any_other_prompt_is_answered(prompt, words):
    assert words in simulated_answer("m", prompt)


async def test_a_call_is_recorded_and_succeeds_by_default():
    behaviour = Behaviour()
    assert await behaviour.receive(CALL, DEFAULT_MODELS) is None
    assert behaviour.calls == [CALL]


async def test_a_name_that_is_not_served_fails_at_once():
    behaviour = Behaviour(latency=3600, error="overloaded")
    assert (
        await behaviour.receive(Call("/chat", "gone", {}, {}), DEFAULT_MODELS)
        == "model_unavailable"
    )


async def test_the_script_sets_the_served_names():
    behaviour = Behaviour(served={"old"})
    assert await behaviour.receive(CALL, DEFAULT_MODELS) == "model_unavailable"
    assert await behaviour.receive(Call("/chat", "old", {}, {}), DEFAULT_MODELS) is None


async def test_an_error_applies_to_all_names_or_to_one():
    behaviour = Behaviour(error="overloaded", errors={"n": "bad_request"})
    assert await behaviour.receive(CALL, DEFAULT_MODELS) == "overloaded"
    assert await behaviour.receive(Call("/chat", "n", {}, {}), DEFAULT_MODELS) == "bad_request"


async def test_the_usual_time_is_the_models_own():
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await Behaviour(latency=None).receive(CALL, {"m": 3600.0})


@pytest.mark.parametrize(
    "behaviour",
    [
        pytest.param(Behaviour(latency=3600), id="slow"),
        pytest.param(Behaviour(fault=Fault.HANG), id="hanging"),
        pytest.param(Behaviour(gate=lambda call: asyncio.Event().wait()), id="at the gate"),
    ],
)
async def test_a_cancelled_call_is_counted(behaviour):
    call = asyncio.create_task(behaviour.receive(CALL, DEFAULT_MODELS))
    for _ in range(10):  # more turns of the loop than a call without a wait needs
        await asyncio.sleep(0)
    assert not call.done()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert behaviour.cancelled == 1


def test_the_script_sets_the_accepted_key():
    assert Behaviour().accepts("any")
    assert not Behaviour().accepts("")
    assert Behaviour(key="right").accepts("right")
    assert not Behaviour(key="right").accepts("wrong")


def test_the_answer_can_be_scripted():
    assert Behaviour(answer=lambda model, prompt: f"{model}: {prompt}").reply("m", "p") == "m: p"


def test_headers_and_bodies_stay_out_of_the_representation_of_a_call():
    assert "secret" not in repr(Call("/", "m", {"authorization": "secret"}, {"prompt": "secret"}))
