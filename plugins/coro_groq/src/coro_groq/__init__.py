"""Groq for CORO: three models through one client of Groq's SDK."""

from coro_groq.plugin import GroqPlugin

__all__ = ["GroqPlugin"]
