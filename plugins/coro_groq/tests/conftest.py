"""The shared fixtures, for the plugin of Groq."""

import pytest

from coro_core.testing.fixtures import (  # noqa: F401
    PluginSetup,
    answering,
    behaviour,
    plugin,
    request_for,
    simulator,
)
from coro_groq import GroqPlugin
from coro_groq.settings import ADDRESS, KEY


@pytest.fixture
def plugin_setup() -> PluginSetup:
    return PluginSetup(
        GroqPlugin,
        model="openai/gpt-oss-120b",
        settings=lambda address: {KEY: "gsk_secret", ADDRESS: address},
    )
