"""The plugin against its own simulator, over real sockets."""

import pytest

from coro_core import NotConfigured, ProviderError
from coro_deepseek import DeepSeekPlugin


def test_it_offers_the_model_of_the_specification():
    (model,) = DeepSeekPlugin().coro_list_models()
    assert (model.id, model.name, model.provider) == ("deepseek", "DeepSeek V2.5", "DeepSeek")
    assert model.cost == "$0.15 in / $0.60 out per 1M tokens"
    assert model.candidates == ("deepseek-chat", "deepseek-flash")


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        ("deepseek-flash", {"thinking": {"type": "disabled"}}),
        ("deepseek-v4-flash", {"thinking": {"type": "disabled"}}),
        ("deepseek-v4-pro", {"thinking": {"type": "disabled"}}),
        ("deepseek-chat", {}),
        ("deepseek-reasoner", {}),
        ("deepseek-chat-new", {"thinking": {"type": "disabled"}}),
    ],
)
async def test_each_upstream_model_gets_its_own_parameters(
    behaviour, plugin, request_for, model, fields
):
    behaviour.served = [model]
    await plugin.coro_generate(request_for(model))
    assert behaviour.calls[0].path == "/v1/chat/completions"
    assert behaviour.calls[0].body == {
        "model": model,
        "messages": [{"role": "user", "content": "What is 2+2?"}],
        "temperature": 0.5,
        "stream": False,
        "max_tokens": 64,
        **fields,
    }


@pytest.mark.parametrize("name", ["deepseek-chat", "deepseek-reasoner", "no-such-model"])
async def test_a_retired_name_is_unavailable(behaviour, plugin, request_for, name):
    with pytest.raises(ProviderError) as caught:
        await plugin.coro_generate(request_for(name))
    assert caught.value.code == "model_unavailable"
    assert len(behaviour.calls) == 1


async def test_a_missing_key_is_reported_in_one_sentence():
    with pytest.raises(NotConfigured) as caught:
        async with DeepSeekPlugin().coro_lifespan({}):
            pytest.fail("it opened")
    assert (
        str(caught.value)
        == "DEEPSEEK_API_KEY is not set; get one at https://platform.deepseek.com/api_keys."
    )
