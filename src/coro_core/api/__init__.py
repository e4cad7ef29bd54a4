"""The JSON that clients see: schemas, serializers and problem types. Free of FastAPI.

Import from its modules: `schemas`, `serializers`, `problems`.
"""
