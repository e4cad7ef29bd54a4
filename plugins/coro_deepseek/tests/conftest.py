"""The plugin, open before its own simulator or before a server that sends what a test says."""

from contextlib import asynccontextmanager

import pytest

from coro_core import GenerateRequest
from coro_core.testing import Behaviour, HttpReply, serve_http
from coro_deepseek import DeepSeekPlugin


def deepseek_request(model="deepseek-flash", prompt="What is 2+2?"):
    return GenerateRequest(model=model, prompt=prompt, temperature=0.5, max_tokens=64, timeout=5)


@pytest.fixture
def request_for():
    return deepseek_request


@pytest.fixture
def behaviour():
    return Behaviour()


@pytest.fixture
async def simulator(behaviour):
    async with DeepSeekPlugin().coro_simulator(behaviour) as environ:
        yield environ


@pytest.fixture
async def plugin(simulator):
    plugin = DeepSeekPlugin()
    async with plugin.coro_lifespan(simulator):
        yield plugin


@pytest.fixture
def answering():
    """Open the plugin before a server that answers every request in one way."""

    @asynccontextmanager
    async def opened(body, status=200, headers=None):
        async def handle(request):
            return HttpReply(body, status, headers or {})

        plugin = DeepSeekPlugin()
        async with serve_http(handle) as address:
            environ = {"DEEPSEEK_API_KEY": "sk-secret", "DEEPSEEK_BASE_URL": address}
            async with plugin.coro_lifespan(environ):
                yield plugin

    return opened
