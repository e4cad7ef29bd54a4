"""`python -m coro_core` is the command `coro`."""

from coro_core.cli import main

main()
