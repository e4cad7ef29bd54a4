"""The plugin, open before its own simulator or before a server that sends what a test says."""

import json
from contextlib import asynccontextmanager
from types import SimpleNamespace

import pytest

from coro_core import GenerateRequest
from coro_core.testing import Behaviour, HttpReply, serve_http
from coro_openai import OpenAIPlugin


class RecordingPlugin(OpenAIPlugin):
    """The plugin, with the requests that its server received."""

    seen: list[SimpleNamespace]


def openai_request(model="openai/gpt-4.1-nano", prompt="What is 2+2?"):
    return GenerateRequest(model=model, prompt=prompt, temperature=0.5, max_tokens=64, timeout=5)


@pytest.fixture
def request_for():
    return openai_request


@pytest.fixture
def behaviour():
    return Behaviour()


@pytest.fixture
async def simulator(behaviour):
    async with OpenAIPlugin().coro_simulator(behaviour) as environ:
        yield environ


@pytest.fixture
async def plugin(simulator):
    plugin = OpenAIPlugin()
    async with plugin.coro_lifespan(simulator):
        yield plugin


@pytest.fixture
def answering():
    """Open the plugin before a server that answers in one way; `name` is the service's.

    Yields the plugin, with what was sent to the server in `plugin.seen`.
    """

    @asynccontextmanager
    async def opened(body, status=200, headers=None, *, name="MISTRAL", **settings):
        seen: list[SimpleNamespace] = []

        async def handle(request):
            sent = json.loads(request.body) if request.body else None
            seen.append(SimpleNamespace(path=request.path, headers=request.headers, body=sent))
            return HttpReply(body, status, headers or {})

        plugin = RecordingPlugin()
        async with serve_http(handle) as address:
            prefix = f"CORO_OPENAI_{name}"
            given = {f"{prefix}_{key}": value for key, value in settings.items()}
            environ = {f"{prefix}_BASE_URL": f"{address}/v1", f"{prefix}_API_KEY": "sk_secret"}
            async with plugin.coro_lifespan({**environ, **given}):
                plugin.seen = seen
                yield plugin

    return opened
