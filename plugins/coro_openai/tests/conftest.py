"""The shared fixtures, for the plugin of OpenAI-compatible services."""

import json
from contextlib import asynccontextmanager
from types import SimpleNamespace

import pytest

from coro_core.testing import HttpReply, serve_http
from coro_core.testing.fixtures import (  # noqa: F401
    PluginSetup,
    behaviour,
    plugin,
    request_for,
    simulator,
)
from coro_openai import OpenAIPlugin


def service_settings(address, name="MISTRAL", **settings):
    """Return the variables of one service."""
    service = {"BASE_URL": f"{address}/v1", "API_KEY": "sk_secret", **settings}
    return {f"CORO_OPENAI_{name}_{setting}": value for setting, value in service.items()}


@pytest.fixture
def plugin_setup():
    return PluginSetup(OpenAIPlugin, model="openai/gpt-4.1-nano", settings=service_settings)


class RecordedPlugin(OpenAIPlugin):
    """The plugin, with the requests that a server has got from it."""

    requests: list[SimpleNamespace]


@pytest.fixture
def answering():
    """Open the plugin before a server with one reply; `name` is the service's.

    Yields the plugin, with the requests to the server in its attribute `requests`.
    """

    @asynccontextmanager
    async def open_before_server(body, status=200, headers=None, *, name="MISTRAL", **settings):
        requests: list[SimpleNamespace] = []

        async def handle(request):
            sent = json.loads(request.body) if request.body else None
            requests.append(SimpleNamespace(path=request.path, headers=request.headers, body=sent))
            return HttpReply(body, status, headers or {})

        opened = RecordedPlugin()
        async with (
            serve_http(handle) as address,
            opened.coro_lifespan(service_settings(address, name, **settings)),
        ):
            opened.requests = requests
            yield opened

    return open_before_server
