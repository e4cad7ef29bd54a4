"""The data, errors and hooks that the core and a plugin exchange.

Import its names from `coro_core`. Imports nothing else of ours.
"""
