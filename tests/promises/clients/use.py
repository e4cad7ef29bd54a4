"""Uses the generated client as a program would: use.py DEMO KEYLESS.

The arguments are the addresses of a demo in which Groq is rate limited, and of a server without any
key.
"""

import asyncio
import sys
from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus

from coro_client import Client
from coro_client.api.chat import chat, chat_with_model
from coro_client.api.models import list_models
from coro_client.api.operation import get_health, list_plugins
from coro_client.models import (
    ChatRequest,
    ChatRequestOnRetired,
    ChatResponse,
    Health,
    ModelList,
    ModelResponse,
    ModelResponseErrorCode,
    ModelResponseFinishReason,
    PluginInfoState,
    PluginList,
    Problem,
    SingleChatRequest,
)

PROMPT = "What is 2+2?"


def lists(demo: Client, _: Client) -> None:
    health = get_health.sync(client=demo)
    assert isinstance(health, Health)
    assert isinstance(health.timestamp, datetime)

    listed = list_models.sync(client=demo, all_=True)
    assert isinstance(listed, ModelList)
    [gemini] = [model for model in listed.models if model.id == "gemini"]
    assert gemini.available
    assert gemini.reason is None
    assert any(model.id.startswith("groq:") for model in listed.models)

    found = list_plugins.sync(client=demo)
    assert isinstance(found, PluginList)
    [groq] = [plugin for plugin in found.plugins if plugin.name == "groq"]
    assert groq.state is PluginInfoState.READY
    assert groq.models == ["llama-70b", "llama-8b", "mixtral"]


def many_models(demo: Client, _: Client) -> None:
    models = ["gemini", "llama-70b", "no-such-model"]
    request = ChatRequest(prompt=PROMPT, models=models, max_tokens=64)
    reply = chat.sync(client=demo, body=request)
    assert isinstance(reply, ChatResponse)
    assert (reply.succeeded, reply.failed) == (1, 2)
    answered, limited, unknown = reply.responses
    assert "2 + 2 = 4" in answered.response
    assert (answered.error, answered.error_code) == (None, None)
    assert answered.finish_reason is ModelResponseFinishReason.STOP
    assert answered.substituted
    assert answered.note is not None
    assert answered.usage.output_tokens == answered.tokens
    assert limited.error_code is ModelResponseErrorCode.RATE_LIMITED
    assert limited.tokens is None
    assert unknown.error_code is ModelResponseErrorCode.UNKNOWN_MODEL
    # When the provider was last heard of is known now, as a time.
    found = list_plugins.sync(client=demo)
    assert isinstance(found, PluginList)
    [groq] = [plugin for plugin in found.plugins if plugin.name == "groq"]
    assert isinstance(groq.traffic.last_error, datetime)


def retired(demo: Client, _: Client) -> None:
    request = ChatRequest(
        prompt=PROMPT, models=["gemini"], on_retired=ChatRequestOnRetired.ERROR, timeout=20
    )
    reply = asyncio.run(chat.asyncio(client=demo, body=request))
    assert isinstance(reply, ChatResponse)
    assert reply.responses[0].error_code is ModelResponseErrorCode.MODEL_UNAVAILABLE


def one_model(demo: Client, _: Client) -> None:
    request = SingleChatRequest(prompt=PROMPT)
    name = "groq:openai/gpt-oss-120b"
    reply = chat_with_model.sync_detailed(name, client=demo, body=request)
    assert reply.status_code is HTTPStatus.INTERNAL_SERVER_ERROR
    assert isinstance(reply.parsed, ModelResponse)
    assert reply.parsed.error_code is ModelResponseErrorCode.RATE_LIMITED
    assert reply.parsed.model == name


def problems(demo: Client, _: Client) -> None:
    nobody = chat_with_model.sync(
        "no-such-model", client=demo, body=SingleChatRequest(prompt=PROMPT)
    )
    assert isinstance(nobody, Problem)
    assert (nobody.status, nobody.type_) == (404, "urn:coro:problem:unknown-model")

    request = ChatRequest(prompt=PROMPT, models=["gemini"], temperature=3)
    invalid = chat.sync_detailed(client=demo, body=request)
    assert isinstance(invalid.parsed, Problem)
    assert invalid.parsed.status == 422
    assert [error.field for error in invalid.parsed.errors] == ["temperature"]
    assert invalid.parsed.request_id == invalid.headers["X-Request-ID"]


def without_keys(_: Client, keyless: Client) -> None:
    request = ChatRequest(prompt=PROMPT, models=["gemini"])
    reply = chat.sync_detailed(client=keyless, body=request)
    assert reply.status_code is HTTPStatus.SERVICE_UNAVAILABLE
    assert isinstance(reply.parsed, ChatResponse)
    [row] = reply.parsed.responses
    assert row.error_code is ModelResponseErrorCode.NOT_CONFIGURED
    assert row.upstream_model is None


USES: tuple[Callable[[Client, Client], None], ...] = (
    lists,
    many_models,
    retired,
    one_model,
    problems,
    without_keys,
)

if __name__ == "__main__":
    servers = [Client(base_url=address) for address in sys.argv[1:]]
    for use in USES:
        use(servers[0], servers[1])
        print(use.__name__)
