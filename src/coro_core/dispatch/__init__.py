"""Send one prompt to many models at once, and collect one result each.

Import from its modules: `fanout`, `caller`, `result`, `retry`, `circuit_breaker`. `model_task` and
`not_attempted` are parts of the fan-out.
"""
