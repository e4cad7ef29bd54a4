"""Not asking a model that has just failed again and again, so that an outage is not made worse.

One circuit per provider and upstream name. It opens when the provider cannot be reached, fails, or
does not answer in time, several times in a row; or for as long as a rate limit asks. While it is
open, calls fail at once. Then one call is let through to see, and decides.
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from coro_core.errors import (
    ConnectionFailed,
    Overloaded,
    ProviderError,
    RateLimited,
    Timeout,
    UpstreamError,
)

FAILURES_TO_OPEN = 5
"""Failures in a row that open a circuit."""
FIRST_REST_SECONDS = 5.0
LONGEST_REST_SECONDS = 60.0
"""Each failed look doubles the rest, up to this."""
LONGEST_LIMIT_SECONDS = 300.0
"""The longest that a rate limit keeps a circuit open."""
JITTER = 0.2
MAX_CIRCUITS = 1000
"""How many are kept: callers may name any model, for ever new ones."""

Key = tuple[str, str]
"""A plugin's name and an upstream name."""

_OUTAGES = (ConnectionFailed, Overloaded, Timeout, UpstreamError)
_UNASKED = "It was not asked again, since its last calls failed."


@dataclass(slots=True)
class _Circuit:
    """One that has failed lately; those that have not, have none."""

    failures: int = 0
    rest: float = 0.0
    closed_at: float = 0.0
    error: type[ProviderError] = UpstreamError
    looking: bool = False


class Breakers:
    """Every circuit. For use on one event loop."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        """Know of no failure yet. `clock` is in seconds and never goes back."""
        self._clock = clock
        self._uniform = uniform
        self._circuits: dict[Key, _Circuit] = {}

    def enter(self, key: Key) -> None:
        """Let a call through, or raise the kind of error that opened the circuit.

        Whoever is let through says how it ended: `succeeded`, `failed` or `left`.
        """
        circuit = self._circuits.get(key)
        if circuit is None or not circuit.rest:
            return
        left = circuit.closed_at - self._clock()
        if left > 0 or circuit.looking:
            raise circuit.error(_UNASKED, retry_after=max(left, 1.0), retryable=False)
        circuit.looking = True

    def succeeded(self, key: Key) -> None:
        """Close the circuit: the provider answered, be it with a refusal of this one request."""
        self._circuits.pop(key, None)

    def left(self, key: Key) -> None:
        """Learn nothing: the caller gave up. The next call may look."""
        if (circuit := self._circuits.get(key)) is not None:
            circuit.looking = False

    def failed(self, key: Key, error: ProviderError) -> None:
        """Count a failure, and open the circuit if it is one too many.

        The caller's own faults (a bad request, a refused key, a blocked prompt) close it instead:
        the provider is there.
        """
        limited = isinstance(error, RateLimited) and error.retry_after is not None
        if not limited and not isinstance(error, _OUTAGES):
            self.succeeded(key)
            return
        circuit = self._circuits.pop(key, None) or _Circuit()
        self._circuits[key] = circuit
        if len(self._circuits) > MAX_CIRCUITS:
            del self._circuits[next(iter(self._circuits))]
        circuit.looking = False
        circuit.error = next(kind for kind in (RateLimited, *_OUTAGES) if isinstance(error, kind))
        if limited:
            circuit.rest = min(error.retry_after or 0.0, LONGEST_LIMIT_SECONDS)
            circuit.closed_at = self._clock() + circuit.rest
            return
        circuit.failures += 1
        if circuit.failures < FAILURES_TO_OPEN:
            return
        circuit.rest = min(max(circuit.rest * 2, FIRST_REST_SECONDS), LONGEST_REST_SECONDS)
        circuit.closed_at = self._clock() + circuit.rest * self._uniform(1 - JITTER, 1 + JITTER)
