"""Which chat requests are let in: so many at once, and none while the server is stopping."""

import asyncio
from contextvars import Context
from typing import Any

import structlog

TELL_SECONDS = 5.0
"""How long refusals are counted before the log tells their number."""

_log = structlog.get_logger("coro")


class Admission:
    """How many chat requests are at work, and whether more are let in."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.closing = False
        self.over = False
        """Whether those at work were cut off: the time that a stop may take is up."""
        self._at_work: set[asyncio.Task[Any]] = set()
        self._idle = asyncio.Event()
        self._idle.set()
        self._turned_away = 0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def in_flight(self) -> int:
        """How many are at work."""
        return len(self._at_work)

    def enter(self, task: asyncio.Task[Any]) -> bool:
        """Let one in, if there is room; it must `leave`."""
        if self.closing or len(self._at_work) >= self.limit:
            return False
        self._at_work.add(task)
        self._idle.clear()
        return True

    def leave(self, task: asyncio.Task[Any]) -> None:
        """Make room for another."""
        self._at_work.discard(task)
        if not self._at_work:
            self._idle.set()

    def cut_off(self) -> None:
        """Cancel what is still at work; each is answered that the server is stopping."""
        self.over = True
        for task in self._at_work:
            task.cancel()

    def turn_away(self) -> None:
        """Count one that was not let in; the log tells how many there were, once in a while."""
        self._turned_away += 1
        if self._timer is None:
            # In a context of its own: the line is not about the request that came first.
            self._timer = asyncio.get_running_loop().call_later(
                TELL_SECONDS, self.tell, context=Context()
            )

    def tell(self) -> None:
        """Tell in the log how many were turned away since it was last told, if any."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            _log.warning(
                "chat requests turned away",
                count=self._turned_away,
                in_flight=self.in_flight,
                limit=self.limit,
                stopping=self.closing,
            )
            self._turned_away = 0

    async def drained(self) -> None:
        """Wait until nothing is at work any more."""
        await self._idle.wait()
