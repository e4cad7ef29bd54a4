"""The whole contract of plugins, held against this one."""

from coro_core.testing import ProviderContract
from coro_groq import GroqPlugin


class TestContract(ProviderContract):
    plugin = GroqPlugin
