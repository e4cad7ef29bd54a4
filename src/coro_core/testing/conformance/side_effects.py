"""Noting what a block of code does beyond computing: files, sockets, processes, threads."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_NOTED = {
    "open": "it opens a file",
    "socket.connect": "it connects a socket",
    "socket.bind": "it binds a socket",
    "socket.getaddrinfo": "it looks a host up",
    "subprocess.Popen": "it starts a process",
    "os.system": "it starts a process",
    "os.fork": "it forks",
}
_lists: dict[int, list[str]] = {}
"""Where to note it, by thread."""
_hooked = False


@contextmanager
def noting() -> Iterator[list[str]]:
    """Collect what this thread does meanwhile, without repetition; imports may read files."""
    global _hooked
    if not _hooked:
        # An audit hook stays for the life of the process: one is enough.
        sys.addaudithook(_note)
        _hooked = True
    thread, doings, before = threading.get_ident(), list[str](), set(threading.enumerate())
    _lists[thread] = doings
    try:
        yield doings
    finally:
        del _lists[thread]
        if set(threading.enumerate()) - before:
            doings.append("it starts a thread")


def _note(event: str, arguments: tuple[Any, ...]) -> None:
    what = _NOTED.get(event)
    if what is None:
        return
    doings = _lists.get(threading.get_ident())
    if doings is None or what in doings or _importing():
        return
    doings.append(what)


def _importing() -> bool:
    frame = sys._getframe(2)
    while frame is not None:
        if frame.f_globals.get("__name__") == "importlib._bootstrap":
            return True
        frame = frame.f_back  # type: ignore[assignment]
    return False
