"""Circuit breakers: stop calling a model that keeps failing, so that an outage is not amplified.

One circuit per provider and upstream model. Several failures in a row open it: the provider cannot
be reached, fails, or does not answer in time. A rate limit opens it for the wait that the provider
asks for. Without a wait, `rate_limits` learns the limit from the refusals.

Calls of an open circuit fail at once. After the cooldown one call, the half-open probe, is let
through; its outcome closes the circuit or opens it again.
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
from coro_core.dispatch.rate_limits import RateLimits

FAILURES_TO_OPEN = 5
"""Failures in a row that open a circuit."""
FIRST_COOLDOWN_SECONDS = 5.0
LONGEST_COOLDOWN_SECONDS = 60.0
"""Each failed probe doubles the cooldown, up to this."""
LONGEST_LIMIT_SECONDS = 300.0
"""A rate limit keeps a circuit open for this long at most."""
LONGEST_PROBE_SECONDS = 60.0
"""A probe that takes longer no longer keeps the next call from being the probe."""
JITTER = 0.2
MAX_CIRCUITS = 1000
"""Circuits kept; the oldest is dropped, since callers may invent any model name."""

Key = tuple[str, str]
"""A plugin's name and an upstream model."""

_OUTAGES = (ConnectionFailed, Overloaded, Timeout, UpstreamError)
_CIRCUIT_OPEN = "It was not asked again, since its last calls failed."
_LIMIT_REACHED = "It was not asked again, since it lately refused as many calls a minute."


@dataclass(slots=True)
class _Circuit:
    """The failures of one model. A model without recent failures has no circuit."""

    failures: int = 0
    cooldown: float = 0.0
    open_until: float = 0.0
    """0.0 if the circuit has not opened since the model last answered."""
    error: type[ProviderError] = UpstreamError
    probe_began: float = -math.inf


class CircuitBreakers:
    """Every circuit. For use on one event loop.

    A call that was let through before a circuit opened may end long after that. Only the probe
    decides if an open circuit opens again, so each caller says if its call was the probe.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        """Start with every circuit closed. `clock` is in seconds and never goes back."""
        self._clock = clock
        self._uniform = uniform
        self._circuits: dict[Key, _Circuit] = {}
        self._limits = RateLimits(clock)

    def enter(self, key: Key) -> bool:
        """Let a call through, or raise the kind of error that opened the circuit.

        Returns True if the call is the half-open probe. The caller reports the outcome of every
        call that was let through: `succeeded`, `failed` or `released`.
        """
        circuit = self._circuits.get(key)
        if circuit is None or not circuit.open_until:
            self._keep_limit(key)
            return False
        now = self._clock()
        wait = circuit.open_until - now
        if wait > 0 or now - circuit.probe_began < LONGEST_PROBE_SECONDS:
            raise circuit.error(_CIRCUIT_OPEN, retry_after=max(wait, 1.0), retryable=False)
        self._keep_limit(key)
        circuit.probe_began = now
        return True

    def _keep_limit(self, key: Key) -> None:
        """Count a call towards the model's learned rate limit, or raise `RateLimited`."""
        if wait := self._limits.enter(key):
            raise RateLimited(_LIMIT_REACHED, retry_after=max(wait, 1.0), retryable=False)

    def succeeded(self, key: Key) -> None:
        """Close the circuit: the provider answered, if only to refuse this one request.

        A rate limit stays: while it lasts, only calls from before it can succeed.
        """
        circuit = self._circuits.get(key)
        if circuit is None or (circuit.error is RateLimited and circuit.open_until > self._clock()):
            return
        del self._circuits[key]

    def released(self, key: Key, *, probe: bool) -> None:
        """Learn nothing, since the caller gave up. After a probe, the next call is the probe."""
        if probe and (circuit := self._circuits.get(key)) is not None:
            circuit.probe_began = -math.inf

    def failed(self, key: Key, error: ProviderError, *, probe: bool) -> None:
        """Count a failure; open the circuit at `FAILURES_TO_OPEN`, or if the probe failed.

        The caller's own faults (a bad request, a refused key, a blocked prompt) close the circuit:
        the provider answered.
        """
        limit = error.retry_after if isinstance(error, RateLimited) else None
        if not limit and not isinstance(error, _OUTAGES):
            self.succeeded(key)
            if not isinstance(error, RateLimited) or not (limit := self._limits.refused(key)):
                return
        self.released(key, probe=probe)
        circuit = self._circuits.pop(key, None) or _Circuit()
        self._circuits[key] = circuit
        if len(self._circuits) > MAX_CIRCUITS:
            del self._circuits[next(iter(self._circuits))]
        if limit:
            self._open(circuit, error, min(limit, LONGEST_LIMIT_SECONDS))
            return
        circuit.failures += 1
        if circuit.failures < FAILURES_TO_OPEN or (circuit.open_until and not probe):
            return
        doubled = max(circuit.cooldown * 2, FIRST_COOLDOWN_SECONDS)
        circuit.cooldown = min(doubled, LONGEST_COOLDOWN_SECONDS)
        self._open(circuit, error, circuit.cooldown * self._uniform(1 - JITTER, 1 + JITTER))

    def _open(self, circuit: _Circuit, error: ProviderError, seconds: float) -> None:
        """Open a circuit for `seconds`, unless it already stays open for longer."""
        until = self._clock() + seconds
        if until > circuit.open_until:
            circuit.open_until = until
            circuit.error = next(
                kind for kind in (RateLimited, *_OUTAGES) if isinstance(error, kind)
            )
