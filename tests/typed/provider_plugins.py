"""Every plugin here keeps the contract, as a type checker sees it: `make check` reads this file."""

from coro_core import ProviderPlugin
from coro_deepseek import DeepSeekPlugin
from coro_gemini import GeminiPlugin
from coro_groq import GroqPlugin

PLUGINS: list[ProviderPlugin] = [DeepSeekPlugin(), GeminiPlugin(), GroqPlugin()]


class WithoutModels:
    """Lacks a required hook."""

    coro_contract = 1


REFUSED: ProviderPlugin = WithoutModels()  # type: ignore[assignment]
