"""Google Gemini for CORO, over the gRPC client of Google's own SDK."""

from coro_gemini.plugin import GeminiPlugin

__all__ = ["GeminiPlugin"]
