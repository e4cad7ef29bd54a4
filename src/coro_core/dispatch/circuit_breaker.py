"""Not asking a model that has just failed again and again, so that an outage is not made worse.

One circuit per provider and upstream name. It opens when the provider cannot be reached, fails, or
does not answer in time, several times in a row; or for as long as a rate limit asks. While it is
open, calls fail at once. Then one call is let through to see, and decides.
"""

import math
import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from coro_core.contract.errors import (
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
LONGEST_LOOK_SECONDS = 60.0
"""A look that has not ended by then no longer keeps others from looking."""
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
    open_until: float = 0.0
    """0.0 if it has not been opened since it last was well."""
    error: type[ProviderError] = UpstreamError
    look_began: float = -math.inf


class Breakers:
    """Every circuit. For use on one event loop.

    Calls that were let through before a circuit opened may end long after that. They are told from
    the look, which alone decides whether it opens again.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        """Know of no failure yet. `clock` is in seconds and never goes back."""
        self._clock = clock
        self._uniform = uniform
        self._circuits: dict[Key, _Circuit] = {}

    def enter(self, key: Key) -> bool:
        """Let a call through, or raise the kind of error that opened the circuit.

        Returns whether the call is the one that looks. Whoever is let through says how it ended:
        `succeeded`, `failed` or `left`.
        """
        circuit = self._circuits.get(key)
        if circuit is None or not circuit.open_until:
            return False
        now = self._clock()
        left = circuit.open_until - now
        if left > 0 or now - circuit.look_began < LONGEST_LOOK_SECONDS:
            raise circuit.error(_UNASKED, retry_after=max(left, 1.0), retryable=False)
        circuit.look_began = now
        return True

    def succeeded(self, key: Key) -> None:
        """Close the circuit: the provider answered, be it with a refusal of this one request.

        A rate limit stands: while it lasts, only calls from before it can succeed.
        """
        circuit = self._circuits.get(key)
        if circuit is None or (circuit.error is RateLimited and circuit.open_until > self._clock()):
            return
        del self._circuits[key]

    def left(self, key: Key, *, look: bool) -> None:
        """Learn nothing: the caller gave up. If it was the look, the next call may look."""
        if look and (circuit := self._circuits.get(key)) is not None:
            circuit.look_began = -math.inf

    def failed(self, key: Key, error: ProviderError, *, look: bool) -> None:
        """Count a failure, and open the circuit if it is one too many, or was the look's.

        The caller's own faults (a bad request, a refused key, a blocked prompt) close it instead:
        the provider is there.
        """
        limit = error.retry_after if isinstance(error, RateLimited) else None
        if not limit and not isinstance(error, _OUTAGES):
            self.succeeded(key)
            return
        self.left(key, look=look)
        circuit = self._circuits.pop(key, None) or _Circuit()
        self._circuits[key] = circuit
        if len(self._circuits) > MAX_CIRCUITS:
            del self._circuits[next(iter(self._circuits))]
        if limit:
            self._open(circuit, error, min(limit, LONGEST_LIMIT_SECONDS))
            return
        circuit.failures += 1
        if circuit.failures < FAILURES_TO_OPEN or (circuit.open_until and not look):
            return
        circuit.rest = min(max(circuit.rest * 2, FIRST_REST_SECONDS), LONGEST_REST_SECONDS)
        self._open(circuit, error, circuit.rest * self._uniform(1 - JITTER, 1 + JITTER))

    def _open(self, circuit: _Circuit, error: ProviderError, seconds: float) -> None:
        """Open a circuit for so long, unless it is open for longer."""
        until = self._clock() + seconds
        if until > circuit.open_until:
            circuit.open_until = until
            circuit.error = next(
                kind for kind in (RateLimited, *_OUTAGES) if isinstance(error, kind)
            )
