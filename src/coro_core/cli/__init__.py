"""The command `coro`.

Import `main`; nothing else of the core imports this room.
"""
