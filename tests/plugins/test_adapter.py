"""A plugin's hooks are called as pluggy calls them."""

from typing import Any

import pytest

from coro_core import GenerateRequest, hookimpl
from coro_core.plugins.adapter import PluginAdapter
from support.plugins import Echo


class Hooked(Echo):
    """A plugin whose hooks take fewer arguments than their specification, or are wrappers."""

    @hookimpl
    def coro_list_models(self) -> Any:
        return ["without environ"]

    @hookimpl
    def coro_services(self) -> Any:
        return None

    @hookimpl(wrapper=True)
    def coro_live_models(self) -> Any:
        yield
        # pluggy hands a wrapper the list of results, and takes a list back.
        return ["wrapped"]


async def test_a_hook_gets_the_arguments_that_it_names() -> None:
    adapter = PluginAdapter(Hooked)
    assert adapter.call("coro_list_models", environ={}) == ["without environ"]
    request = GenerateRequest(model="m", prompt="Hello", temperature=0.0, max_tokens=1, timeout=1.0)
    assert (await adapter.call("coro_generate", request=request)).text == "Hello"


def test_a_hook_that_returns_none_or_is_missing_gives_none() -> None:
    adapter = PluginAdapter(Hooked)
    assert adapter.call("coro_services") is None
    assert not adapter.implements("coro_simulator")
    assert adapter.call("coro_simulator", behaviour=None) is None


def test_a_hook_that_is_a_wrapper_is_called_by_pluggy() -> None:
    assert PluginAdapter(Hooked).call("coro_live_models") == "wrapped"


def test_the_exception_of_a_hook_is_raised_as_it_is() -> None:
    class Broken(Echo):
        @hookimpl
        def coro_list_models(self) -> Any:
            raise SystemExit(3)

    with pytest.raises(SystemExit):
        PluginAdapter(Broken).call("coro_list_models", environ={})
