"""One instance of CORO, put together from its parts; and the demo.

Import `engine` and `demo`.
"""
