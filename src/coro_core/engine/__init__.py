"""One instance of CORO, built from its parts, and the demo.

Import `engine` and `demo`.
"""
