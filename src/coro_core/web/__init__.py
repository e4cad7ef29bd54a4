"""The HTTP API and the pages; the only user of FastAPI.

Import `app.create_app` and `openapi.description`.
"""
