"""The plugin on either SDK against its own simulator, over real sockets."""

import asyncio

import pytest

from coro_core import (
    CONTRACT_VERSION,
    ConnectionFailed,
    ModelUnavailable,
    ProviderError,
    ProviderPlugin,
    Timeout,
)
from coro_core.testing import CANARY_KEY, Fault
from coro_gemini import GeminiPlugin
from coro_gemini.simulated_replies import DEFAULT_MODELS

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
    assert set(model.candidates[1:]) <= set(DEFAULT_MODELS)


async def test_an_answer_has_its_model_and_token_counts(plugin, behaviour, request_for):
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


async def test_the_key_is_sent_in_a_header_and_not_in_the_path(sdk, plugin, behaviour, request_for):
    await plugin.coro_generate(request_for())
    [call] = behaviour.calls
    assert call.headers["x-goog-api-key"] == CANARY_KEY
    assert call.path == PATHS[sdk]
    assert [name for name, value in call.headers.items() if CANARY_KEY in value] == [
        "x-goog-api-key"
    ]


async def test_a_raw_reply_replaces_the_bytes_of_the_server(plugin, behaviour, request_for):
    sent = asyncio.Event()

    async def raw(call):
        yield b"this is no protocol: " + str(call.body["prompt"]).encode()
        sent.set()

    behaviour.raw_reply = raw
    with pytest.raises(ConnectionFailed):
        await plugin.coro_generate(request_for())
    assert sent.is_set()


async def test_the_timeout_of_a_request_holds_and_is_not_retryable(plugin, behaviour, request_for):
    behaviour.fault = Fault.HANG
    with pytest.raises(Timeout) as caught:
        await plugin.coro_generate(request_for(timeout=0.2))
    assert not caught.value.retryable


async def test_live_models_come_from_every_page_without_models_that_cannot_generate(
    plugin, behaviour
):
    assert await plugin.coro_live_models() == set(DEFAULT_MODELS)
    # Names as long as a whole entry of Google's list.
    behaviour.served = {f"gemini-{number}-{'x' * 400}" for number in range(2500)}
    assert await plugin.coro_live_models() == behaviour.served


async def test_the_longest_answer_by_default_fits_in_any_script(plugin, behaviour, request_for):
    text = "\N{MUSICAL SYMBOL G CLEF}" * 4 * 8192
    behaviour.answer = lambda *_: text
    assert (await plugin.coro_generate(request_for())).text == text


@pytest.mark.parametrize("code", ["invalid_response", "overloaded", "timeout"])
async def test_a_failed_list_has_the_code_of_its_cause(code, plugin, behaviour):
    behaviour.list_error = code
    with pytest.raises(ProviderError) as caught:
        await plugin.coro_live_models()
    assert caught.value.code == code
    assert caught.value.__context__ is None


@pytest.mark.parametrize("name", ["no/such", "no?such=1&key=x", "no#such", "..", "../up", "a b%2F"])
async def test_a_name_with_special_characters_is_sent_as_a_name(
    name, plugin, behaviour, request_for
):
    with pytest.raises(ModelUnavailable):
        await plugin.coro_generate(request_for(name))
    assert [call.model for call in behaviour.calls] in ([name], [])
