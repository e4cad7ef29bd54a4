"""The conformance suite, for this plugin."""

from coro_core.testing import ProviderContract
from coro_deepseek import DeepSeekPlugin


class TestContract(ProviderContract):
    plugin = DeepSeekPlugin
