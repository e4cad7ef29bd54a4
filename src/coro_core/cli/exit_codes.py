"""The exit codes of every command."""

from enum import IntEnum


class ExitCode(IntEnum):
    """The result of a command, for the shell."""

    OK = 0
    FAILED = 1
    """A model, a key or a check failed. The output says which."""
    INVALID = 2
    """The command did not run: the settings or the arguments are wrong."""
    INTERRUPTED = 130
    """Ctrl-C: 128 and the number of SIGINT, as shells have it."""
