"""Lines that a person types, read so that Ctrl-C always ends the wait."""

import select
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer


def read_line() -> str:
    """Return one line from the terminal, without its line break.

    Raises `typer.Abort` after Ctrl-C and at the end of the input.
    """
    try:
        _wait_for_line()
        line = sys.stdin.readline()
    except KeyboardInterrupt:
        raise typer.Abort from None
    if not line:
        raise typer.Abort
    return line.rstrip("\n")


def _wait_for_line() -> None:
    """Wait until standard input has a line, or a signal has arrived.

    `input()` alone can lose Ctrl-C: Python handles a signal between two instructions, so one that
    arrives just before the system call `read` waits with it for the next line. Here the signal
    writes a byte to a socket, which ends the wait at once.
    """
    if sys.platform == "win32":
        return
    with _signals() as arrived:
        select.select([sys.stdin, arrived], [], [])


@contextmanager
def _signals() -> Iterator[socket.socket]:
    """Yield a socket that becomes readable when a signal arrives."""
    reader, writer = socket.socketpair()
    with reader, writer:
        writer.setblocking(False)
        previous = signal.set_wakeup_fd(writer.fileno())
        try:
            yield reader
        finally:
            signal.set_wakeup_fd(previous)
