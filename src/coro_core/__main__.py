"""`python -m coro_core` is the command `coro`."""

from coro_core.cli.main import main

main()
