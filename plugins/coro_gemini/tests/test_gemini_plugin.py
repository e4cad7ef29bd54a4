"""The Gemini plugin on either SDK against its own simulator: real sockets and Google's code."""

import asyncio
import traceback

import pytest

from coro_core import (
    CONTRACT_VERSION,
    AuthenticationFailed,
    ConnectionFailed,
    ModelUnavailable,
    Overloaded,
    ProviderError,
    ProviderPlugin,
    Timeout,
)
from coro_core.testing import CANARY_KEY, Fault
from coro_gemini import GeminiPlugin
from coro_gemini.dialect import TODAY

TOLD = {
    "authentication_failed": False,
    "rate_limited": True,
    "quota_exhausted": False,
    "model_unavailable": False,
    "bad_request": False,
    "too_large": False,
    "content_blocked": False,
    "empty_response": False,
    "invalid_response": False,
    "timeout": True,
    "connection_failed": True,
    "overloaded": True,
    "upstream_error": True,
}
"""Each error code that the simulator can tell, and whether another call may help."""

BROKEN = {
    Fault.HANG: "timeout",
    Fault.DRIP: "timeout",
    Fault.SLOW_HEADERS: "timeout",
    Fault.DISCONNECT: "connection_failed",
    Fault.RESET: "connection_failed",
    Fault.TRUNCATE: "connection_failed",
    Fault.GARBAGE: "connection_failed",
    Fault.BAD_CHUNKS: "connection_failed",
    Fault.HEADER_FLOOD: "connection_failed",
    Fault.NOT_JSON: "invalid_response",
    Fault.WRONG_SHAPE: "invalid_response",
    Fault.OVERSIZED: "invalid_response",
    Fault.COMPRESSED_BOMB: "invalid_response",
    Fault.EMPTY_BODY: "invalid_response",
    Fault.REDIRECT: "upstream_error",
}
OF_GRPC = {
    Fault.HEADER_FLOOD: "invalid_response",
    # A message without fields is a whole one.
    Fault.EMPTY_BODY: "empty_response",
}
PATHS = {
    "google-generativeai": "/google.ai.generativelanguage.v1beta.GenerativeService/GenerateContent",
    "google-genai": "/v1beta/models/gemini-3.5-flash-lite:generateContent",
}


def test_it_keeps_the_contract():
    plugin: ProviderPlugin = GeminiPlugin()
    assert isinstance(plugin, ProviderPlugin)
    assert plugin.coro_contract == CONTRACT_VERSION
    [model] = plugin.coro_list_models()
    assert (model.id, model.provider, model.cost) == ("gemini", "Google", "free")
    assert model.candidates[0] == "gemini-1.5-flash"
    assert set(model.candidates[1:]) <= set(TODAY)


async def test_an_answer_comes_with_its_model_and_counts(plugin, behaviour, request_for):
    answer = await plugin.coro_generate(request_for())
    assert answer.text.startswith("2 + 2 = 4")
    assert answer.model == "gemini-3.5-flash-lite"
    assert answer.finish_reason == "stop"
    assert answer.usage.input_tokens == 3
    assert answer.usage.output_tokens == len(answer.text.split())
    assert answer.usage.reasoning_tokens is None
    [call] = behaviour.calls
    assert call.model == "gemini-3.5-flash-lite"
    asked = {"prompt": "What is 2+2?", "temperature": 0.5, "max_output_tokens": 64}
    assert asked.items() <= call.body.items()


async def test_the_key_travels_in_a_header_and_not_in_the_path(sdk, plugin, behaviour, request_for):
    await plugin.coro_generate(request_for())
    [call] = behaviour.calls
    assert call.headers["x-goog-api-key"] == CANARY_KEY
    assert call.path == PATHS[sdk]
    assert [name for name, value in call.headers.items() if CANARY_KEY in value] == [
        "x-goog-api-key"
    ]


@pytest.mark.parametrize("code", TOLD)
async def test_what_gemini_tells_becomes_the_error_of_that_code(
    code, plugin, behaviour, request_for
):
    behaviour.error = code
    behaviour.retry_after = 37.5
    with pytest.raises(ProviderError) as caught:
        await plugin.coro_generate(request_for())
    assert caught.value.code == code
    assert caught.value.retryable is TOLD[code]
    assert caught.value.retry_after == (37.5 if code == "rate_limited" else None)
    assert len(behaviour.calls) == 1


async def test_a_rate_limit_without_a_delay_names_none(plugin, behaviour, request_for):
    behaviour.error = "rate_limited"
    with pytest.raises(ProviderError) as caught:
        await plugin.coro_generate(request_for())
    assert caught.value.retry_after is None


@pytest.mark.parametrize("fault", BROKEN)
async def test_a_broken_transport_becomes_an_error(fault, sdk, plugin, behaviour, request_for):
    behaviour.fault = fault
    timeout = 0.5 if BROKEN[fault] == "timeout" else 5.0
    with pytest.raises(ProviderError) as caught:
        await plugin.coro_generate(request_for(timeout=timeout))
    grpc = sdk == "google-generativeai"
    assert caught.value.code == (OF_GRPC if grpc else {}).get(fault, BROKEN[fault])
    assert caught.value.__context__ is None
    assert len(behaviour.calls) == 1


@pytest.mark.parametrize("fault", [Fault.HANG, Fault.DRIP, Fault.OVERSIZED, Fault.NOT_JSON])
async def test_a_connection_that_survives_a_fault_serves_the_next_call(
    fault, plugin, behaviour, request_for
):
    behaviour.fault = fault
    with pytest.raises(ProviderError):
        await plugin.coro_generate(request_for(timeout=0.3))
    behaviour.fault = None
    assert (await plugin.coro_generate(request_for())).text


async def test_a_raw_reply_is_sent_in_place_of_the_servers_bytes(plugin, behaviour, request_for):
    sent = asyncio.Event()

    async def raw(call):
        yield b"this is no protocol: " + str(call.body["prompt"]).encode()
        sent.set()

    behaviour.raw_reply = raw
    with pytest.raises(ConnectionFailed):
        await plugin.coro_generate(request_for())
    assert sent.is_set()


async def test_keep_alives_do_not_matter(plugin, behaviour, request_for):
    behaviour.fault = Fault.BLANK_LINES
    assert (await plugin.coro_generate(request_for())).text


async def test_a_call_that_is_given_up_is_given_up_at_the_server(plugin, behaviour, request_for):
    arrived, gone = asyncio.Event(), asyncio.Event()

    async def gate(_call):
        arrived.set()
        try:
            await asyncio.Event().wait()
        finally:
            gone.set()

    behaviour.gate = gate
    async with asyncio.timeout(10):
        task = asyncio.create_task(plugin.coro_generate(request_for(timeout=60)))
        await arrived.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await gone.wait()
    assert behaviour.cancelled == 1


async def test_calls_are_under_way_together(plugin, behaviour, request_for):
    barrier = asyncio.Barrier(20)

    async def gate(_call):
        await barrier.wait()

    behaviour.gate = gate
    async with asyncio.timeout(10):
        answers = await asyncio.gather(*(plugin.coro_generate(request_for()) for _ in range(20)))
    assert all(answer.text for answer in answers)


async def test_the_deadline_of_a_request_holds_and_leaves_no_time_for_another(
    plugin, behaviour, request_for
):
    behaviour.fault = Fault.HANG
    with pytest.raises(Timeout) as caught:
        await plugin.coro_generate(request_for(timeout=0.2))
    assert not caught.value.retryable


async def test_an_overloaded_server_is_called_once(plugin, behaviour, request_for):
    behaviour.error = "overloaded"
    async with asyncio.timeout(10):
        with pytest.raises(Overloaded):
            await plugin.coro_generate(request_for(timeout=60))
    assert len(behaviour.calls) == 1


async def test_a_wrong_key_is_refused_for_calls_and_for_the_list(sdk, behaviour, request_for):
    behaviour.key = "right"
    plugin = GeminiPlugin()
    async with (
        plugin.coro_simulator(behaviour) as environ,
        plugin.coro_lifespan({**environ, "GEMINI_API_KEY": "wrong", "GEMINI_SDK": sdk}),
    ):
        with pytest.raises(AuthenticationFailed):
            await plugin.coro_generate(request_for())
        with pytest.raises(AuthenticationFailed, match="aistudio"):
            await plugin.coro_live_models()
    assert behaviour.calls == []


async def test_live_models_come_from_every_page_without_what_cannot_generate(plugin, behaviour):
    assert await plugin.coro_live_models() == set(TODAY)
    behaviour.served = {f"gemini-{number}" for number in range(2500)}
    assert await plugin.coro_live_models() == behaviour.served


@pytest.mark.parametrize("told", ["invalid_response", "overloaded", "timeout"])
async def test_a_list_that_fails_says_why(told, plugin, behaviour):
    behaviour.list_error = told
    with pytest.raises(ProviderError) as caught:
        await plugin.coro_live_models()
    assert caught.value.code == told
    assert caught.value.__context__ is None


@pytest.mark.parametrize("name", ["no/such", "no?such=1&key=x", "no#such", "..", "../up", "a b%2F"])
async def test_a_name_is_a_name_whatever_is_in_it(name, plugin, behaviour, request_for):
    with pytest.raises(ModelUnavailable):
        await plugin.coro_generate(request_for(name))
    assert [call.model for call in behaviour.calls] in ([name], [])


@pytest.mark.parametrize("code", TOLD)
async def test_no_error_holds_key_prompt_or_a_word_of_the_sdk(code, plugin, behaviour, request_for):
    behaviour.error = code
    prompt = "my-secret-{}".format("prompt")  # in parts: a traceback shows lines of this file
    with pytest.raises(ProviderError) as caught:
        await plugin.coro_generate(request_for(prompt=prompt))
    error = caught.value
    assert error.__cause__ is None
    assert error.__context__ is None
    told = "".join([*traceback.format_exception(error), repr(error), repr(vars(plugin))])
    assert CANARY_KEY not in told
    assert prompt not in told
    assert "googleapis" not in str(error)
    assert "genai" not in str(error)


async def test_nothing_is_logged_at_any_level(plugin, request_for, caplog):
    caplog.set_level("DEBUG")
    await plugin.coro_generate(request_for(prompt="my-secret-prompt"))
    told = "".join(repr(vars(record)) for record in caplog.records)
    assert CANARY_KEY not in told
    assert "my-secret-prompt" not in told
