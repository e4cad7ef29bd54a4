"""The plugin against its own simulator, over real sockets and through the real SDK."""

import httpx
import pytest
from groq import APIStatusError, AsyncGroq

from coro_core import NotConfigured, ProviderError, RateLimited
from coro_core.testing import CANARY_KEY
from coro_groq import GroqPlugin
from coro_groq.simulator import DEFAULT_MODELS


def test_it_offers_the_three_models_of_the_specification():
    offered = {
        model.id: (model.name, model.provider, model.cost, model.candidates)
        for model in GroqPlugin().coro_list_models()
    }
    assert offered == {
        "llama-70b": (
            "Llama 3.1 70B",
            "Groq",
            "free",
            ("llama-3.1-70b-versatile", "llama-3.3-70b-versatile", "openai/gpt-oss-120b"),
        ),
        "llama-8b": (
            "Llama 3.1 8B",
            "Groq",
            "free",
            ("llama-3.1-8b-instant", "openai/gpt-oss-20b"),
        ),
        "mixtral": (
            "Mixtral 8x7B",
            "Groq",
            "free",
            ("mixtral-8x7b-32768", "qwen/qwen3.8-27b", "qwen/qwen3.6-27b"),
        ),
    }


async def test_the_simulator_speaks_like_groq(behaviour, simulator):
    # Groq's own SDK works against the simulator, in the way that its documentation shows.
    async with AsyncGroq(
        api_key=CANARY_KEY, base_url=simulator["GROQ_BASE_URL"], http_client=httpx.AsyncClient()
    ) as sdk:
        reply = await sdk.chat.completions.with_raw_response.create(
            model="openai/gpt-oss-20b", messages=[{"role": "user", "content": "Hello"}]
        )
        assert reply.headers["x-ratelimit-limit-tokens"] == "8000"
        completion = await reply.parse()
        assert completion.x_groq is not None
        assert completion.x_groq.id == "req_simulated"
        assert {model.id for model in (await sdk.models.list()).data} == set(DEFAULT_MODELS)
        behaviour.error = "too_large"
        with pytest.raises(APIStatusError) as caught:
            await sdk.with_options(max_retries=0).chat.completions.create(
                model="openai/gpt-oss-20b", messages=[{"role": "user", "content": "Hello"}]
            )
        assert caught.value.status_code == 413
        assert isinstance(caught.value.body, dict)
        assert caught.value.body["error"]["code"] == "rate_limit_exceeded"


async def test_no_header_describes_this_machine(plugin, behaviour, request_for):
    await plugin.coro_generate(request_for())
    await plugin.coro_live_models()
    assert behaviour.calls
    sent = {name.lower() for call in behaviour.calls for name in call.headers}
    assert "authorization" in sent
    assert not {name for name in sent if name.startswith("x-stainless")}


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        ("openai/gpt-oss-120b", {"reasoning_effort": "low", "include_reasoning": False}),
        ("openai/gpt-oss-20b", {"reasoning_effort": "low", "include_reasoning": False}),
        ("qwen/qwen3.6-27b", {"reasoning_effort": "none"}),
        ("qwen/qwen3.8-27b", {"reasoning_effort": "none"}),
        ("llama-3.3-70b-versatile", {}),
        ("openai/gpt-oss-120b-new", {}),
        ("groq/compound", {}),
    ],
)
async def test_each_upstream_model_gets_its_own_parameters(
    behaviour, plugin, request_for, model, fields
):
    behaviour.served = [model]
    await plugin.coro_generate(request_for(model))
    assert behaviour.calls[0].path == "/openai/v1/chat/completions"
    assert behaviour.calls[0].body == {
        "model": model,
        "messages": [{"role": "user", "content": "What is 2+2?"}],
        "temperature": 0.5,
        "stream": False,
        "max_completion_tokens": 64,
        **fields,
    }


@pytest.mark.parametrize(
    "name",
    [
        "llama-3.1-70b-versatile",
        "mixtral-8x7b-32768",
        "llama-3.3-70b-versatile",
        "llama-3.1-8b-instant",
        "no-such-model",
    ],
)
async def test_a_retired_name_is_unavailable(behaviour, plugin, request_for, name):
    with pytest.raises(ProviderError) as caught:
        await plugin.coro_generate(request_for(name))
    assert caught.value.code == "model_unavailable"
    assert len(behaviour.calls) == 1


async def test_a_missing_key_is_reported_in_one_sentence():
    with pytest.raises(NotConfigured) as caught:
        async with GroqPlugin().coro_lifespan({}):
            pytest.fail("it opened")
    assert str(caught.value) == "GROQ_API_KEY is not set; get one at https://console.groq.com/keys."


async def test_an_error_reply_with_an_undecodable_charset_is_still_read(answering, request_for):
    body, kind = b'{"error": {"message": "Limit"}}', "application/json; charset=idna"
    async with answering(body, 429, {"content-type": kind}) as plugin:
        with pytest.raises(RateLimited):
            await plugin.coro_generate(request_for())
