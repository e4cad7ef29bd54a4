"""The shipped fixtures, for a plugin that does nothing but GET its address."""

# ruff: noqa: F811

import asyncio
import urllib.error
import urllib.request
from contextlib import asynccontextmanager

import pytest

from coro_core import ProviderError, RateLimited
from coro_core.testing import json_reply, serve_http
from coro_core.testing.fixtures import (  # noqa: F401
    PluginSetup,
    answering,
    behaviour,
    error_of,
    plugin,
    request_for,
    simulator,
)


class Getting:
    """A plugin whose answer is the body of its address."""

    @asynccontextmanager
    async def coro_lifespan(self, environ):
        self.environ = environ
        yield
        self.environ = None

    @asynccontextmanager
    async def coro_simulator(self, script):
        async def handle(request):
            script.calls.append(request.path)
            return json_reply("simulated")

        async with serve_http(handle) as address:
            yield {"ADDRESS": address, "KEY": "simulated"}

    async def coro_generate(self, request):
        def get():
            try:
                with urllib.request.urlopen(f"{self.environ['ADDRESS']}/{request.model}") as reply:
                    return reply.status, dict(reply.headers), reply.read()
            except urllib.error.HTTPError as error:
                with error:
                    return error.code, dict(error.headers), error.read()

        return await asyncio.to_thread(get)


@pytest.fixture
def plugin_setup():
    return PluginSetup(
        Getting,
        model="default-model",
        settings=lambda address: {"ADDRESS": address, "KEY": "secret"},
        environ={"MORE": "1"},
    )


async def test_the_plugin_is_open_before_its_simulator(plugin, behaviour, request_for):
    assert (await plugin.coro_generate(request_for()))[2] == b'"simulated"'
    assert behaviour.calls == ["/default-model"]
    assert plugin.environ.keys() == {"ADDRESS", "KEY", "MORE"}
    assert plugin.environ["KEY"] == "simulated"


async def test_the_plugin_is_open_before_a_server_with_one_reply(answering, request_for):
    async with answering(b"body", 418, {"x-name": "value"}) as opened:
        status, headers, body = await opened.coro_generate(request_for("other", timeout=1))
        assert opened.environ["KEY"] == "secret"
        assert opened.environ["MORE"] == "1"
    assert (status, headers["x-name"], body) == (418, "value", b"body")
    assert opened.environ is None


def test_a_request_has_defaults_and_takes_a_model_a_prompt_and_a_timeout(request_for):
    request = request_for()
    assert (request.model, request.prompt, request.timeout) == ("default-model", "What is 2+2?", 5)
    request = request_for("m", prompt="p", timeout=0.5)
    assert (request.model, request.prompt, request.timeout) == ("m", "p", 0.5)


async def test_error_of_returns_a_provider_error_and_lets_others_pass():
    async def fail(error):
        raise error

    raised = RateLimited()
    assert await error_of(fail(raised)) is raised
    assert isinstance(raised, ProviderError)
    with pytest.raises(KeyError):
        await error_of(fail(KeyError("x")))
    with pytest.raises(pytest.fail.Exception):
        await error_of(asyncio.sleep(0))
