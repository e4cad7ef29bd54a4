"""Google Gemini for CORO, over either of Google's own SDKs."""

from coro_gemini.plugin import GeminiPlugin

__all__ = ["GeminiPlugin"]
