"""An audit of side effects: files, sockets, processes and threads that a block of code uses."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_EVENTS = {
    "open": "it opens a file",
    "socket.connect": "it connects a socket",
    "socket.bind": "it binds a socket",
    "socket.getaddrinfo": "it resolves a host name",
    "subprocess.Popen": "it starts a process",
    "os.system": "it starts a process",
    "os.fork": "it forks",
}
_lists: dict[int, list[str]] = {}
"""The side effects of each audited thread."""
_hooked = False


@contextmanager
def audited() -> Iterator[list[str]]:
    """Collect the side effects of this thread within the block, each once. Imports are exempt."""
    global _hooked
    if not _hooked:
        # An audit hook cannot be removed, so there is one for all audits.
        sys.addaudithook(_note)
        _hooked = True
    thread, side_effects, before = threading.get_ident(), list[str](), set(threading.enumerate())
    _lists[thread] = side_effects
    try:
        yield side_effects
    finally:
        del _lists[thread]
        if set(threading.enumerate()) - before:
            side_effects.append("it starts a thread")


def _note(event: str, arguments: tuple[Any, ...]) -> None:
    what = _EVENTS.get(event)
    if what is None:
        return
    side_effects = _lists.get(threading.get_ident())
    if side_effects is None or what in side_effects or _importing():
        return
    side_effects.append(what)


def _importing() -> bool:
    frame = sys._getframe(2)
    while frame is not None:
        if frame.f_globals.get("__name__") == "importlib._bootstrap":
            return True
        frame = frame.f_back  # type: ignore[assignment]
    return False
