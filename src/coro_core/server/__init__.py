"""The uvicorn runner, and draining at a stop.

Import from its modules: `runner`, `draining`, `admission`.
"""
