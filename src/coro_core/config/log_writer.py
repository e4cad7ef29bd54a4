"""Writing log lines without ever waiting for whoever reads them.

A pipe that nobody empties, or a terminal that was stopped, holds up whoever writes to it. So a
thread of its own writes, and what it cannot keep up with is counted instead of kept.
"""

import logging
import os
import threading
import time
from collections import deque
from contextlib import suppress
from typing import TextIO

MAX_LINES = 8192
"""How many lines wait at most; those that come on top are counted and said later."""
GATHER_SECONDS = 0.02
"""For how long lines are gathered before they are written together: fewer calls, fewer switches."""
FLUSH_SECONDS = 1.0
"""For how long the end of the process waits for the last lines."""
_LINES_AT_ONCE = 256


class LineHandler(logging.Handler):
    """Takes lines that are ready, and the records of the standard library."""

    def __init__(self, stream: TextIO | None) -> None:
        """Write to `stream`; nothing is written when it is absent or closed."""
        super().__init__()
        self.stream = stream

    def write(self, line: str) -> None:
        """Write a line at once. Never raises."""
        if self.stream is not None:
            with suppress(OSError, ValueError):
                self.stream.write(f"{line}\n")

    def emit(self, record: logging.LogRecord) -> None:
        """Format a record and write it."""
        try:
            line = self.format(record)
        except Exception:
            self.handleError(record)
            return
        self.write(line)


class ThreadedHandler(LineHandler):
    """Formats in the thread of whoever logs, and writes in one of its own.

    Nothing is started before the first line. A process that was forked starts its own thread, and
    leaves the lines that were waiting then to its parent.
    """

    def __init__(self, stream: TextIO, capacity: int = MAX_LINES) -> None:
        """Write to the descriptor of `stream`; at most `capacity` lines wait.

        Raises `OSError` or `ValueError` when it has none.
        """
        super().__init__(stream)
        # Asked for each time: the number of one that was closed may be another's by then.
        self._fileno = stream.fileno
        self._fileno()
        self._capacity = capacity
        self._lines: deque[str] = deque()
        self._dropped = 0
        self._writing = False
        self._end: float | None = None
        # Of the kind that a signal handler, which logs as well, can take twice.
        self._changed = threading.Condition()
        self._pid = 0
        self._thread: threading.Thread | None = None

    def write(self, line: str) -> None:
        """Take a line, or count it when too many are waiting."""
        if self._thread is None or self._pid != os.getpid():
            self._start()
        with self._changed:
            if len(self._lines) >= self._capacity:
                self._dropped += 1
            else:
                self._lines.append(line)
                self._changed.notify()
        if self._end is not None:
            self._wait(self._end - time.monotonic())

    def flush(self) -> None:
        """Wait until every line is written, for `FLUSH_SECONDS` at most."""
        self._wait(FLUSH_SECONDS)

    def finish(self) -> None:
        """Make whoever logs wait from now on, for `FLUSH_SECONDS` in all: the process is ending.

        It may end by a signal, after which nothing can be flushed.
        """
        self._end = time.monotonic() + FLUSH_SECONDS
        self.flush()

    def close(self) -> None:
        """Flush, and end the thread; the next line, if there is one, starts another."""
        self.flush()
        if self._pid == os.getpid():
            with self._changed:
                self._thread = None
                self._changed.notify_all()
        super().close()

    def _start(self) -> None:
        self._pid = os.getpid()
        self._lines, self._dropped, self._writing = deque(), 0, False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="coro-log", daemon=True)
        self._thread.start()

    def _wait(self, seconds: float) -> None:
        if self._pid == os.getpid():
            with self._changed:
                self._changed.wait_for(lambda: not (self._lines or self._writing), max(seconds, 0))

    def _run(self) -> None:
        changed, this = self._changed, threading.current_thread()
        while True:
            with changed:
                self._writing = False
                changed.notify_all()
                changed.wait_for(lambda: self._lines or self._thread is not this)
                if self._thread is not this:
                    return
                self._writing = True
            if self._end is None:
                time.sleep(GATHER_SECONDS)
            while text := self._take():
                self._write(text.encode(errors="backslashreplace"))

    def _take(self) -> str:
        """Return the next lines, and behind the last one how many had to be left out."""
        with self._changed:
            count = min(len(self._lines), _LINES_AT_ONCE)
            lines = [self._lines.popleft() for _ in range(count)]
            dropped = 0
            if not self._lines:
                dropped, self._dropped = self._dropped, 0
        if dropped:
            lines.append(self.format(_notice(dropped)))
        return "".join(f"{line}\n" for line in lines)

    def _write(self, content: bytes) -> None:
        # Past the stream's buffer: its lock, held in a write that hangs, would hang the exit too.
        try:
            descriptor = self._fileno()
            while content:
                content = content[os.write(descriptor, content) :]
        except (OSError, ValueError):
            # Closed or full; there is no other place to say so.
            pass


def _notice(dropped: int) -> logging.LogRecord:
    return logging.makeLogRecord(
        {
            "name": "coro.logs",
            "levelname": "WARNING",
            "levelno": logging.WARNING,
            "msg": "%d lines were left out here: nobody was reading",
            "args": (dropped,),
        }
    )
