"""The conformance suite, for this plugin."""

from coro_core.testing import ProviderContract
from coro_groq import GroqPlugin


class TestContract(ProviderContract):
    plugin = GroqPlugin
