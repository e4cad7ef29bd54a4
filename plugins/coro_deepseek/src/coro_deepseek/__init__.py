"""DeepSeek for CORO, on plain HTTP."""

from coro_deepseek.plugin import DeepSeekPlugin

__all__ = ["DeepSeekPlugin"]
