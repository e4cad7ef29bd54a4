"""The shared fixtures, for the plugin of DeepSeek."""

import pytest

from coro_core.testing.fixtures import (  # noqa: F401
    PluginSetup,
    answering,
    behaviour,
    plugin,
    request_for,
    simulator,
)
from coro_deepseek import DeepSeekPlugin
from coro_deepseek.settings import ADDRESS, KEY


@pytest.fixture
def plugin_setup() -> PluginSetup:
    return PluginSetup(
        DeepSeekPlugin,
        model="deepseek-flash",
        settings=lambda address: {KEY: "sk-secret", ADDRESS: address},
    )
