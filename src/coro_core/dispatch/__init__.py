"""Send one prompt to many models at once, and collect one result each.

Import from its modules: `fanout`, `caller`, `retry`, `circuit_breaker`.
"""
