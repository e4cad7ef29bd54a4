"""Gemini over gRPC, through google-generativeai. Only this package imports that SDK."""
