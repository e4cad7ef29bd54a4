"""Learned rate limits, for providers whose 429 names no wait.

A model that is refused again and again is asked only as often as the provider lately let it.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

FIRST_PAUSE_SECONDS = 5.0
LONGEST_PAUSE_SECONDS = 60.0
"""Each refusal before the limit is known doubles the pause, up to this."""
WINDOW_SECONDS = 60.0
"""Providers count most limits by the minute."""
GROW_SECONDS = 300.0
"""After this long without a refusal, half as many calls more are tried."""
FORGET_SECONDS = 3600.0
"""A limit without a refusal for this long is forgotten."""
MAX_CALLS = 10_000
"""Calls counted a minute; a limit beyond that is not learned."""
MAX_LIMITS = 1000
"""Limits kept; the oldest is dropped, since callers may invent any model name."""

Key = tuple[str, str]
"""A plugin's name and an upstream model."""


@dataclass(slots=True)
class _Limit:
    """The refusals of one model, and its other calls of the last minute."""

    since: float
    refused: float
    """Time of the last refusal."""
    grown: float
    pause: float = 0.0
    allowed: int | None = None
    """Calls a minute; `None` while unknown."""
    calls: deque[float] = field(default_factory=lambda: deque(maxlen=MAX_CALLS))

    def drop_old_calls(self, now: float) -> None:
        while self.calls and self.calls[0] <= now - WINDOW_SECONDS:
            self.calls.popleft()


class RateLimits:
    """Every learned limit. A model that was never refused costs one look-up."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Start without any limit. `clock` is in seconds and never goes back."""
        self._clock = clock
        self._limits: dict[Key, _Limit] = {}

    def enter(self, key: Key) -> float:
        """Count a call and return 0, or return the seconds until the limit allows one."""
        limit = self._limits.get(key)
        if limit is None:
            return 0.0
        now = self._clock()
        if now - limit.refused >= FORGET_SECONDS:
            del self._limits[key]
            return 0.0
        limit.drop_old_calls(now)
        if limit.allowed is not None:
            if now - limit.grown >= GROW_SECONDS:
                limit.allowed += max(1, limit.allowed // 2)
                limit.grown = now
            if len(limit.calls) >= limit.allowed:
                return limit.calls[0] + WINDOW_SECONDS - now
        limit.calls.append(now)
        return 0.0

    def refused(self, key: Key) -> float:
        """Learn from a refusal without a wait; return the seconds to pause, 0 for the first one."""
        now = self._clock()
        limit = self._limits.get(key)
        if limit is None:
            self._limits[key] = _Limit(since=now, refused=now, grown=now)
            if len(self._limits) > MAX_LIMITS:
                del self._limits[next(iter(self._limits))]
            return 0.0
        limit.refused = limit.grown = now
        limit.drop_old_calls(now)
        if limit.calls:
            # The refused call itself.
            limit.calls.pop()
        if limit.calls and now - limit.since >= WINDOW_SECONDS:
            most = limit.allowed - 1 if limit.allowed else MAX_CALLS
            limit.allowed = max(1, min(most, len(limit.calls)))
            limit.pause = 0.0
            return max(limit.calls[0] + WINDOW_SECONDS - now, 0.0)
        limit.pause = min(max(limit.pause * 2, FIRST_PAUSE_SECONDS), LONGEST_PAUSE_SECONDS)
        return limit.pause
