"""Any OpenAI-compatible service for CORO, configured without code."""

from coro_openai.plugin import OpenAIPlugin

__all__ = ["OpenAIPlugin"]
