"""The plugin against its own simulator, over real sockets."""

import pytest

from coro_core import ProviderError
from coro_core.testing import CANARY_KEY, Behaviour
from coro_openai import OpenAIPlugin


async def test_a_prompt_is_answered(behaviour, plugin, request_for):
    answer = await plugin.coro_generate(request_for())
    assert "2 + 2 = 4" in answer.text
    assert (answer.model, answer.finish_reason) == ("openai/gpt-4.1-nano", "stop")
    assert answer.usage.input_tokens == 3
    assert behaviour.calls[0].path == "/v1/chat/completions"


async def test_in_the_demo_the_simulator_replaces_every_service(
    request_for,
):
    # Of three services, one lacks its key and one its address.
    configured = {
        "CORO_OPENAI_OLLAMA_MODELS": "small=qwen3:8b|qwen3:4b",
        "CORO_OPENAI_MISTRAL_MODELS": "mistral-small-latest",
        "CORO_OPENAI_BOX_MODELS": "llama",
    }
    behaviour, plugin = Behaviour(), OpenAIPlugin()
    offered = [name for it in plugin.coro_list_models(configured) for name in it.candidates]
    assert len(offered) == 4
    async with (
        plugin.coro_simulator(behaviour) as environ,
        plugin.coro_lifespan({**configured, **environ}),
    ):
        for name in (*offered, "openai/gpt-4.1-nano"):
            assert (await plugin.coro_generate(request_for(name))).model == name
        assert all(service.reason is None for service in plugin.coro_services().values())
    assert {call.headers["authorization"] for call in behaviour.calls} == {f"Bearer {CANARY_KEY}"}


async def test_a_wrong_key_is_reported_with_the_setting_and_the_source_of_a_key(
    behaviour, plugin, request_for
):
    behaviour.key = "another"
    for call in (plugin.coro_live_models, lambda: plugin.coro_generate(request_for())):
        with pytest.raises(ProviderError) as caught:
            await call()
        assert caught.value.code == "authentication_failed"
        words = (
            "Check CORO_OPENAI_OPENAI_API_KEY, or get one at https://platform.openai.com/api-keys."
        )
        assert str(caught.value) == f"OpenAI refused the API key. {words}"
