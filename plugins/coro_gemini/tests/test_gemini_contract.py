"""The conformance suite, for this plugin on either SDK."""

from coro_core.testing import ProviderContract
from coro_gemini import GeminiPlugin


class TestOnGenerativeai(ProviderContract):
    plugin = GeminiPlugin
    environ = {"GEMINI_SDK": "google-generativeai"}  # noqa: RUF012


class TestOnGenai(ProviderContract):
    plugin = GeminiPlugin
    environ = {"GEMINI_SDK": "google-genai"}  # noqa: RUF012
