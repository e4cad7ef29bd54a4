"""Admission of chat requests: a limit of those in flight, and none while the server stops."""

import asyncio
from contextvars import Context
from typing import Any

import structlog

REPORT_SECONDS = 5.0
"""Seconds in which rejections are counted before one log line reports their number."""

_log = structlog.get_logger("coro")


class Admission:
    """The chat requests in flight, and the decision whether another one is admitted."""

    def __init__(self, limit: int, report_seconds: float = REPORT_SECONDS) -> None:
        self.limit = limit
        self.closing = False
        self.expired = False
        """True once the stop has no time left and the requests in flight were cancelled."""
        self._report_seconds = report_seconds
        self._tasks: set[asyncio.Task[Any]] = set()
        self._idle = asyncio.Event()
        self._idle.set()
        self._rejected = 0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def in_flight(self) -> int:
        """Number of requests in flight."""
        return len(self._tasks)

    def try_acquire(self, task: asyncio.Task[Any]) -> bool:
        """Admit the request of `task` if there is room. The caller must `release` it."""
        if self.closing or len(self._tasks) >= self.limit:
            return False
        self._tasks.add(task)
        self._idle.clear()
        return True

    def release(self, task: asyncio.Task[Any]) -> None:
        """Make room for another request."""
        self._tasks.discard(task)
        if not self._tasks:
            self._idle.set()

    def cancel_remaining(self) -> None:
        """Cancel the requests in flight. Each one is answered that the server is stopping."""
        self.expired = True
        for task in self._tasks:
            task.cancel()

    def reject(self) -> None:
        """Count a rejection. One log line per `report_seconds` reports the number."""
        self._rejected += 1
        if self._timer is None:
            # In an empty context: the line must not carry the first request's id.
            self._timer = asyncio.get_running_loop().call_later(
                self._report_seconds, self.report, context=Context()
            )

    def report(self) -> None:
        """Log the number of rejections since the last report, if there were any."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            _log.warning(
                "chat requests rejected",
                count=self._rejected,
                in_flight=self.in_flight,
                limit=self.limit,
                stopping=self.closing,
            )
            self._rejected = 0

    async def wait_idle(self) -> None:
        """Wait until no request is in flight."""
        await self._idle.wait()
