"""Gemini over REST, through google-genai. Only `client` imports that SDK."""
