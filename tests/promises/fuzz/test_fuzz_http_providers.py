"""A call gives an answer or a proper error for any reply over HTTP."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from coro_core.testing import HttpReply, HttpRequest, serve_http
from coro_deepseek import DeepSeekPlugin
from coro_gemini import GeminiPlugin
from coro_groq import GroqPlugin
from coro_openai import OpenAIPlugin
from support.faults.canaries import KEYS
from support.fuzz import fuzz
from support.provider_calls import keeps_the_contract, lists_or_fails, request_for
from support.replies import replies

COMPLETION = {
    "id": "1",
    "model": "m",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "fine", "reasoning_content": None},
            "finish_reason": "stop",
        }
    ],
    "usage": {
        "prompt_tokens": 3,
        "completion_tokens": 5,
        "completion_tokens_details": {"reasoning_tokens": 1},
    },
}
LIST = {"object": "list", "data": [{"id": "m", "active": True}, {"id": "n", "owned_by": "x"}]}
REFUSED = {"error": {"message": KEYS["groq"], "type": "t", "code": "c", "param": None}}
GEMINI_REPLY = {
    "candidates": [
        {
            "content": {
                "role": "model",
                "parts": [{"text": "fine"}, {"text": "a", "thought": True}],
            },
            "finishReason": "STOP",
        }
    ],
    "promptFeedback": {"blockReason": "SAFETY"},
    "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 5, "thoughtsTokenCount": 1},
    "modelVersion": "m",
}
GEMINI_LIST = {
    "models": [{"name": "models/m", "supportedGenerationMethods": ["generateContent"]}],
    "nextPageToken": "",
}
_TYPE = "type.googleapis.com/google.rpc."
GEMINI_REFUSED = {
    "error": {
        "code": 429,
        "message": KEYS["gemini"],
        "status": "RESOURCE_EXHAUSTED",
        "details": [
            {"@type": f"{_TYPE}QuotaFailure", "violations": [{"quotaId": "PerDay"}]},
            {"@type": f"{_TYPE}RetryInfo", "retryDelay": "1.5s"},
            {"@type": f"{_TYPE}ErrorInfo", "reason": "API_KEY_INVALID"},
        ],
    }
}


@dataclass(slots=True)
class Provider:
    """A plugin that was started before a scripted server."""

    plugin: Any
    model: str
    runner: asyncio.Runner
    reply: bytes = b""


PLUGINS = {
    "deepseek": (DeepSeekPlugin, "DEEPSEEK", "m"),
    "gemini": (GeminiPlugin, "GEMINI", "m"),
    "groq": (GroqPlugin, "GROQ", "m"),
    "openai": (OpenAIPlugin, "CORO_OPENAI_X", "x/m"),
}
"""Each with the prefix of its variables, and a model of its provider."""


@asynccontextmanager
async def opened(name: str, runner: asyncio.Runner) -> AsyncIterator[Provider]:
    plugin, prefix, model = PLUGINS[name]
    provider = Provider(plugin(), model, runner)

    async def once() -> AsyncGenerator[bytes, None]:
        yield provider.reply

    async def handle(_: HttpRequest) -> HttpReply:
        return HttpReply(raw=once())

    async with serve_http(handle) as address:
        environ = {
            f"{prefix}_API_KEY": KEYS["groq"],
            f"{prefix}_BASE_URL": address,
            "CORO_OPENAI_X_MODELS": "m",
            "GEMINI_SDK": "google-genai",
        }
        async with provider.plugin.coro_lifespan(environ):
            yield provider


def opening(name: str) -> Iterator[Provider]:
    with asyncio.Runner() as runner:
        lifespan = opened(name, runner)
        yield runner.run(lifespan.__aenter__())
        runner.run(lifespan.__aexit__(None, None, None))


@pytest.fixture(scope="module", params=["deepseek", "groq", "openai"])
def provider(request: pytest.FixtureRequest) -> Iterator[Provider]:
    yield from opening(request.param)


@pytest.fixture(scope="module")
def gemini() -> Iterator[Provider]:
    yield from opening("gemini")


def answers(provider: Provider, reply: bytes) -> None:
    provider.reply = reply
    call = provider.plugin.coro_generate
    provider.runner.run(keeps_the_contract(lambda: call(request_for(provider.model))))


def lists(provider: Provider, reply: bytes) -> None:
    provider.reply = reply
    provider.runner.run(lists_or_fails(provider.plugin.coro_live_models))


@fuzz(reply=replies(COMPLETION, REFUSED))
def test_a_reply_is_an_answer_or_a_proper_error(provider: Provider, reply: bytes) -> None:
    answers(provider, reply)


@fuzz(reply=replies(LIST, REFUSED))
def test_a_list_is_one_or_a_proper_error(provider: Provider, reply: bytes) -> None:
    lists(provider, reply)


@fuzz(reply=replies(GEMINI_REPLY, GEMINI_REFUSED))
def test_a_reply_of_gemini_over_rest_is_an_answer_or_a_proper_error(
    gemini: Provider, reply: bytes
) -> None:
    answers(gemini, reply)


@fuzz(reply=replies(GEMINI_LIST, GEMINI_REFUSED))
def test_a_list_of_gemini_over_rest_is_one_or_a_proper_error(
    gemini: Provider, reply: bytes
) -> None:
    lists(gemini, reply)
