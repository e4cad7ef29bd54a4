"""Whatever a provider sends over HTTP, a call gives an answer or a proper error."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import pytest

from coro_core.testing import HttpReply, HttpRequest, serve_http
from support.faults.canaries import KEYS
from support.faults.world import CLASSES
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


@dataclass(slots=True)
class Provider:
    """A plugin that is open before a server that sends what it is told to."""

    plugin: Any
    runner: asyncio.Runner
    reply: bytes = b""


@asynccontextmanager
async def opened(name: str, runner: asyncio.Runner) -> AsyncIterator[Provider]:
    provider = Provider(getattr(import_module(f"coro_{name}"), CLASSES[name])(), runner)

    async def once() -> AsyncGenerator[bytes, None]:
        yield provider.reply

    async def handle(_: HttpRequest) -> HttpReply:
        return HttpReply(raw=once())

    async with serve_http(handle) as address:
        environ = {f"{name.upper()}_API_KEY": KEYS[name], f"{name.upper()}_BASE_URL": address}
        async with provider.plugin.coro_lifespan(environ):
            yield provider


@pytest.fixture(scope="module", params=["deepseek", "groq"])
def provider(request: pytest.FixtureRequest) -> Iterator[Provider]:
    with asyncio.Runner() as runner:
        opening = opened(request.param, runner)
        yield runner.run(opening.__aenter__())
        runner.run(opening.__aexit__(None, None, None))


@fuzz(reply=replies(COMPLETION))
def test_a_reply_is_an_answer_or_a_proper_error(provider: Provider, reply: bytes) -> None:
    provider.reply = reply
    call = provider.plugin.coro_generate
    provider.runner.run(keeps_the_contract(lambda: call(request_for("m"))))


@fuzz(reply=replies(LIST))
def test_a_list_is_one_or_a_proper_error(provider: Provider, reply: bytes) -> None:
    provider.reply = reply
    provider.runner.run(lists_or_fails(provider.plugin.coro_live_models))
