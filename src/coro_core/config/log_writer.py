"""A log handler that never waits for the reader of the log.

A write to a full pipe or to a stopped terminal blocks. So one thread writes, from a bounded queue.
Lines beyond the bound are dropped and counted; the count is logged as soon as the queue is empty.
"""

import logging
import os
import threading
import time
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TextIO
from weakref import WeakSet

MAX_LINES = 8192
"""Queue limit in lines. Further lines are dropped; their number is logged later."""
FLUSH_INTERVAL = 0.02
"""Seconds between two writes: fewer system calls and thread switches for the same lines."""
FLUSH_SECONDS = 1.0
"""Longest wait for the last lines at the end of the process. Later lines are lost."""
_BATCH_LINES = 256

_Queue = SimpleQueue[str | threading.Event | None]
"""Lines; an event, to be set when all lines before it are written; None ends the thread."""


class LineHandler(logging.Handler):
    """Writes finished lines, and records of the standard library."""

    def __init__(self, stream: TextIO | None) -> None:
        """Write to `stream`. Without a stream, or with a closed one, lines are lost."""
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
    """Formats in the calling thread and writes in one thread of its own.

    The first line starts the thread. A forked process starts its own thread and leaves the waiting
    lines to its parent.
    """

    def __init__(
        self, stream: TextIO, capacity: int = MAX_LINES, flush_seconds: float = FLUSH_SECONDS
    ) -> None:
        """Write to the descriptor of `stream`; at most `capacity` lines wait.

        Raises `OSError` or `ValueError` if the stream has no descriptor.
        """
        super().__init__(stream)
        # Ask again for each write: the number of a closed descriptor may belong to another file.
        self._fileno = stream.fileno
        self._fileno()
        self._capacity = capacity
        self._flush_seconds = flush_seconds
        self._deadline: float | None = None
        self.forget()
        _handlers.add(self)

    def forget(self) -> None:
        """Start with an empty queue and no thread, as a forked process must."""
        # Reentrant: a signal handler may log while this lock is held.
        self._guard = threading.RLock()
        self._queue: _Queue | None = None
        self._dropped = 0

    def write(self, line: str) -> None:
        """Queue a line, or count it if the queue is full. Never raises."""
        with self._guard:
            queue = self._queue or self._start()
            if queue is not None and queue.qsize() < self._capacity:
                queue.put(line)
            else:
                self._dropped += 1
        if self._deadline is not None:
            self._wait(self._deadline - time.monotonic())

    def flush(self) -> None:
        """Wait until the queued lines are written, but no longer than the flush limit."""
        self._wait(self._flush_seconds)

    def begin_shutdown(self) -> None:
        """Flush, and let each further line wait for its write, within one flush limit for all.

        A signal may end the process, and then nothing can be flushed.
        """
        self._deadline = time.monotonic() + self._flush_seconds
        self.flush()

    def close(self) -> None:
        """Flush, and end the thread. A further line starts a new one."""
        self.flush()
        with self._guard:
            if self._queue is not None:
                self._queue.put(None)
                self._queue = None
        super().close()

    def _start(self) -> _Queue | None:
        queue = self._queue = _Queue()
        thread = threading.Thread(target=self._run, args=(queue,), name="coro-log", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            # The system grants no more threads now; the next line tries again.
            self._queue = None
        return self._queue

    def _wait(self, seconds: float) -> None:
        if (queue := self._queue) is not None and seconds > 0:
            written = threading.Event()
            queue.put(written)
            written.wait(seconds)

    def _run(self, queue: _Queue) -> None:
        items: list[str | threading.Event | None] = []
        while None not in items:
            items = [queue.get()]
            if self._deadline is None and queue.qsize() < _BATCH_LINES:
                time.sleep(FLUSH_INTERVAL)
            with suppress(Empty):
                while len(items) < _BATCH_LINES:
                    items.append(queue.get_nowait())
            lines = [item for item in items if isinstance(item, str)]
            if queue.empty():
                lines += self._notice()
            self._write("".join(f"{line}\n" for line in lines))
            for item in items:
                if isinstance(item, threading.Event):
                    item.set()

    def _notice(self) -> list[str]:
        with self._guard:
            dropped, self._dropped = self._dropped, 0
        if not dropped:
            return []
        message = "%d lines were left out here: nobody was reading"
        record = logging.LogRecord("coro.logs", logging.WARNING, "", 0, message, (dropped,), None)
        return [self.format(record)]

    def _write(self, text: str) -> None:
        # Bypass the stream's buffer: a write that hangs holds its lock, and the exit needs it.
        content = text.encode(errors="backslashreplace")
        # A closed or full output loses the lines; no other output could report that.
        with suppress(OSError, ValueError):
            descriptor = self._fileno()
            while content:
                content = content[os.write(descriptor, content) :]


_handlers: "WeakSet[ThreadedHandler]" = WeakSet()


def _forget_after_fork() -> None:
    for handler in _handlers:
        handler.forget()


if hasattr(os, "register_at_fork"):
    # The thread does not exist in the child, and another thread may have held the lock.
    os.register_at_fork(after_in_child=_forget_after_fork)
