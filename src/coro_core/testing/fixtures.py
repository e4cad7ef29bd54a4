"""pytest fixtures for the tests of a plugin. They need pytest-asyncio in its auto mode.

A plugin's conftest.py imports them and names the plugin:

    from coro_core.testing.fixtures import PluginSetup, answering, behaviour, ...

    @pytest.fixture
    def plugin_setup():
        return PluginSetup(
            AcmePlugin,
            model="acme-1",
            settings=lambda address: {"ACME_API_KEY": "secret", "ACME_BASE_URL": address},
        )

A fixture that the conftest defines itself takes the place of the one here.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import pytest

from coro_core.contract.behaviour import Behaviour
from coro_core.contract.errors import ProviderError
from coro_core.contract.types import GenerateRequest
from coro_core.testing.simulator.messages import HttpReply, HttpRequest
from coro_core.testing.simulator.server import serve_http

__all__ = [
    "PluginSetup",
    "answering",
    "behaviour",
    "error_of",
    "plugin",
    "request_for",
    "simulator",
]


@dataclass(frozen=True, slots=True)
class PluginSetup:
    """The plugin under test, as the fixture `plugin_setup` returns it."""

    plugin: Callable[[], Any]
    """The class of the plugin."""
    model: str
    """The upstream model of a request that names none."""
    settings: Callable[[str], Mapping[str, str]]
    """Return the settings, a key included, that lead the plugin to an address."""
    environ: Mapping[str, str] = field(default_factory=dict)
    """Further settings, beside those of the simulator or of `settings`."""


class RequestFor(Protocol):
    """The fixture `request_for`: returns a request for an upstream model."""

    def __call__(
        self, model: str = ..., prompt: str = "What is 2+2?", timeout: float = 5
    ) -> GenerateRequest: ...


class Answering(Protocol):
    """The fixture `answering`: opens the plugin before a server that sends one reply to all."""

    def __call__(
        self, body: bytes, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> AbstractAsyncContextManager[Any]: ...


async def error_of(call: Awaitable[object]) -> ProviderError:
    """Await a call that fails, and return its error."""
    with pytest.raises(ProviderError) as caught:
        await call
    return caught.value


@pytest.fixture
def behaviour() -> Behaviour:
    """Return the script of the simulator, for a test to change."""
    return Behaviour()


@pytest.fixture
async def simulator(
    plugin_setup: PluginSetup, behaviour: Behaviour
) -> AsyncIterator[Mapping[str, str]]:
    """Run the plugin's simulator and yield the settings that lead to it."""
    async with plugin_setup.plugin().coro_simulator(behaviour) as environ:
        yield {**environ, **plugin_setup.environ}


@pytest.fixture
async def plugin(plugin_setup: PluginSetup, simulator: Mapping[str, str]) -> AsyncIterator[Any]:
    """Open the plugin before its simulator and yield it."""
    opened = plugin_setup.plugin()
    async with opened.coro_lifespan(simulator):
        yield opened


@pytest.fixture
def request_for(plugin_setup: PluginSetup) -> RequestFor:
    """Return a function that makes requests."""

    def request(
        model: str = plugin_setup.model, prompt: str = "What is 2+2?", timeout: float = 5
    ) -> GenerateRequest:
        return GenerateRequest(
            model=model, prompt=prompt, temperature=0.5, max_tokens=64, timeout=timeout
        )

    return request


@pytest.fixture
def answering(plugin_setup: PluginSetup) -> Answering:
    """Return a context manager that opens the plugin before a server with one reply."""

    @asynccontextmanager
    async def open_before_server(
        body: bytes, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> AsyncIterator[Any]:
        async def handle(_: HttpRequest) -> HttpReply:
            return HttpReply(body, status, headers or {})

        opened = plugin_setup.plugin()
        async with (
            serve_http(handle) as address,
            opened.coro_lifespan({**plugin_setup.settings(address), **plugin_setup.environ}),
        ):
            yield opened

    return open_before_server
