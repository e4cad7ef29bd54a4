"""The plugin, open before its own simulator or before a server that sends what a test says."""

from contextlib import asynccontextmanager

import pytest

from coro_core import GenerateRequest
from coro_core.testing import Behaviour, HttpReply, serve_http
from coro_groq import GroqPlugin


def groq_request(model="openai/gpt-oss-120b", prompt="What is 2+2?"):
    return GenerateRequest(model=model, prompt=prompt, temperature=0.5, max_tokens=64, timeout=5)


@pytest.fixture
def request_for():
    return groq_request


@pytest.fixture
def behaviour():
    return Behaviour()


@pytest.fixture
async def simulator(behaviour):
    async with GroqPlugin().coro_simulator(behaviour) as environ:
        yield environ


@pytest.fixture
async def plugin(simulator):
    plugin = GroqPlugin()
    async with plugin.coro_lifespan(simulator):
        yield plugin


@pytest.fixture
def answering():
    """Open the plugin before a server that answers every request in one way."""

    @asynccontextmanager
    async def opened(body, status=200, headers=None):
        async def handle(request):
            return HttpReply(body, status, headers or {})

        plugin = GroqPlugin()
        async with serve_http(handle) as address:
            environ = {"GROQ_API_KEY": "gsk_secret", "GROQ_BASE_URL": address}
            async with plugin.coro_lifespan(environ):
                yield plugin

    return opened
