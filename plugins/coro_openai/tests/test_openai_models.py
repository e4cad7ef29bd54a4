"""Facts that services report about their own models: no temperature, tags in lists."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from coro_core import BadRequest, ModelUnavailable
from coro_core.testing import HttpReply, serve_http
from coro_openai import OpenAIPlugin

TEMPERATURE_ERRORS = {
    "OpenAI: a value": "Unsupported value: 'temperature' does not support 0.5 with this model. Only"
    " the default (1) value is supported.",
    "OpenAI: the field": "Model incompatible request argument supplied: temperature",
    "OpenAI: some fields": "Model incompatible request arguments supplied: temperature, top_p",
    "Moonshot": "invalid temperature: only 1 is allowed for this model",
    "Anthropic": "`temperature` is deprecated for this model.",
}
ANSWER = {"choices": [{"message": {"content": "4"}, "finish_reason": "stop"}]}


class PickyPlugin(OpenAIPlugin):
    """The plugin, with the bodies that its service received and the service's next error text."""

    bodies: list[dict[str, Any]]
    error_for: Callable[[dict[str, Any]], str | None]


@pytest.fixture
async def picky():
    """Open the plugin before a service with the errors that `error_for` returns.

    The request bodies are in `bodies`.
    """
    bodies: list[dict[str, Any]] = []
    plugin = PickyPlugin()

    async def handle(request):
        bodies.append(json.loads(request.body))
        if (message := plugin.error_for(bodies[-1])) is None:
            return HttpReply(json.dumps(ANSWER).encode())
        return HttpReply(json.dumps({"error": {"message": message}}).encode(), 400)

    plugin.bodies = bodies
    async with serve_http(handle) as address:
        environ = {"CORO_OPENAI_BOX_BASE_URL": address, "CORO_OPENAI_BOX_MODELS": "m"}
        async with plugin.coro_lifespan(environ):
            yield plugin


@pytest.mark.parametrize("words", TEMPERATURE_ERRORS.values(), ids=list(TEMPERATURE_ERRORS))
async def test_a_model_that_rejects_the_temperature_is_called_without_it_afterwards(
    picky, request_for, words
):
    picky.error_for = lambda body: words if body["model"] == "m" and "temperature" in body else None
    with pytest.raises(BadRequest, match="takes no temperature") as caught:
        await picky.coro_generate(request_for("box/m"))
    assert caught.value.retryable
    for name in ("m", "m", "other"):
        assert (await picky.coro_generate(request_for(f"box/{name}"))).text == "4"
    assert ["temperature" in body for body in picky.bodies] == [True, False, False, True]


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("The model `temperature: not supported` does not exist", ModelUnavailable),
        ("Unsupported value: 'top_p' does not support 0.5", BadRequest),
        ("The prompt was: what is the temperature on Mars?", BadRequest),
    ],
)
async def test_no_other_error_removes_the_temperature(picky, request_for, words, kind):
    picky.error_for = lambda body: words
    for _ in range(2):
        with pytest.raises(kind) as caught:
            await picky.coro_generate(request_for("box/m"))
        assert not caught.value.retryable
    assert all("temperature" in body for body in picky.bodies)


async def test_a_model_listed_with_the_tag_latest_is_live_without_it_as_well(answering):
    # As Ollama does: github.com/ollama/ollama/blob/main/docs/openai.mdx, read 2026-11-22.
    names = ["llama3.2:latest", "qwen3:4b"]
    listing = json.dumps({"data": [{"id": name} for name in names]}).encode()
    async with answering(listing, name="OLLAMA") as plugin:
        assert await plugin.coro_live_models() == {
            "ollama/llama3.2",
            "ollama/llama3.2:latest",
            "ollama/qwen3:4b",
        }
