"""The whole contract of plugins, held against this one."""

from coro_core.testing import ProviderContract
from coro_gemini import GeminiPlugin


class TestContract(ProviderContract):
    plugin = GeminiPlugin
