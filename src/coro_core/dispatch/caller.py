"""One model's answer: its candidates in turn, with a retry where it helps.

Every fault of a plugin leaves here as a `ProviderError`.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass

from coro_core.catalog.catalog import Catalog, Target, same_model
from coro_core.contract.errors import ModelUnavailable, ProviderError, Timeout
from coro_core.contract.types import GenerateRequest, Generation
from coro_core.dispatch.circuit_breaker import CircuitBreakers
from coro_core.dispatch.retry import RetryBudget, wait_before_retry
from coro_core.plugins.isolation import isolated
from coro_core.plugins.record import PluginRecord
from coro_core.plugins.registry import PluginRegistry
from coro_core.plugins.validation import validate_generation

_NEARLY = 0.9
"""Part of `attempt_timeout` that counts as all of it: some time passes before the call."""
_TICK_SECONDS = 0.01
"""Timers may fire this much early."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """The question that every model of one request gets."""

    text: str
    temperature: float
    max_tokens: int
    substitute: bool = True
    """False if only the first candidate may answer."""


@dataclass(slots=True)
class Progress:
    """The state of one model's work, readable when the work is cancelled too."""

    upstream: str | None = None
    """The upstream model called last."""
    answered_as: str | None = None
    """The model that the reply names, if that is another one."""
    rerouted: bool = False
    """True if the provider let another model answer for a name that it served itself before."""


@dataclass(slots=True, kw_only=True)
class _Attempt:
    """One candidate of one model: all that the steps of its call need."""

    target: Target
    upstream: str
    prompt: Prompt
    deadline: float
    """On `clock`, in seconds."""
    clock: Callable[[], float]

    @property
    def time_left(self) -> float:
        """Seconds until the deadline."""
        return self.deadline - self.clock()

    def attribute(self, error: ProviderError) -> ProviderError:
        """Name provider and model in an error, and return it."""
        self.target.plugin.attribute(error, self.upstream, self.target.provider)
        return error


class Caller:
    """Calls models through their plugins, and turns every failure into a `ProviderError`."""

    def __init__(
        self,
        plugins: PluginRegistry,
        catalog: Catalog,
        *,
        on_retired: Callable[[PluginRecord], None] = lambda _: None,
        breakers: CircuitBreakers | None = None,
        attempt_timeout: float = 0.0,
    ) -> None:
        """`on_retired` is called with a plugin when a call finds one of its names retired.

        A call that gets no answer within `attempt_timeout` seconds counts as the provider's
        failure. A call with an earlier deadline does not.
        """
        self._plugins = plugins
        self._catalog = catalog
        self._on_retired = on_retired
        self._breakers = breakers or CircuitBreakers()
        self._attempt_timeout = attempt_timeout
        self._budgets: defaultdict[tuple[str, str], RetryBudget] = defaultdict(RetryBudget)

    async def complete(
        self,
        target: Target,
        prompt: Prompt,
        deadline: float,
        progress: Progress,
        clock: Callable[[], float],
    ) -> Generation:
        """Return the answer of the first candidate that the provider serves.

        `deadline` is on `clock`, in seconds. Without `prompt.substitute` only the first candidate
        may answer. Raises `ProviderError` leaves; cancellation passes through.
        """
        first = target.candidates[0]
        names = self._catalog.order(target) if prompt.substitute else (first,)
        upstreams = self._catalog.upstreams(target.plugin)
        attempt = _Attempt(
            target=target, upstream=first, prompt=prompt, deadline=deadline, clock=clock
        )
        failure: ModelUnavailable | None = None
        for upstream in names:
            # A call waits for the verdict of another one only if it has a fallback.
            doubt = len(names) > 1 and upstreams.in_doubt(upstream)
            if doubt:
                others = names[names.index(upstream) + 1 :]
                doubt = not all(map(upstreams.is_retired, others))
            flight = upstreams.single_flight(upstream) if doubt else nullcontext(True)
            async with flight as may_call:
                if not may_call:
                    continue
                attempt.upstream = progress.upstream = upstream
                try:
                    generation = await self._with_circuit_breaker(attempt)
                except ModelUnavailable as error:
                    upstreams.mark_retired(upstream)
                    self._on_retired(target.plugin)
                    failure = error
                    continue
                upstreams.confirm(upstream)
            answered = generation.model
            if answered and same_model(upstream, answered):
                upstreams.note_own_name(upstream)
            elif answered:
                # A deployment's name or a gateway's alias, unless the name once answered as itself.
                progress.answered_as = answered
                progress.rerouted = upstreams.has_own_name(upstream)
                if progress.rerouted and not prompt.substitute:
                    raise self._not_allowed(attempt, f"{answered} answered instead")
            return generation
        progress.upstream = progress.upstream or first
        if not prompt.substitute and (fallback := self._fallback(target)):
            raise self._not_allowed(attempt, f"{fallback} would answer")
        attempt.upstream = first
        raise failure or attempt.attribute(ModelUnavailable())

    async def _with_circuit_breaker(self, attempt: _Attempt) -> Generation:
        """Call a model unless its circuit is open, and report the outcome to the circuit."""
        key = (attempt.target.plugin.name, attempt.upstream)
        full_time = attempt.time_left >= self._attempt_timeout * _NEARLY
        try:
            probe = self._breakers.enter(key)
        except ProviderError as error:
            raise attempt.attribute(error) from None
        try:
            generation = await self._with_retry(attempt)
        except ProviderError as error:
            # A plugin may keep the caller's short deadline by itself: no failure of the provider.
            late = attempt.time_left <= _TICK_SECONDS
            if isinstance(error, Timeout) and late and not full_time:
                self._breakers.released(key, probe=probe)
            else:
                self._breakers.failed(key, error, probe=probe)
            raise
        except asyncio.CancelledError:
            if full_time and attempt.time_left <= _TICK_SECONDS:
                self._breakers.failed(key, Timeout(), probe=probe)
            else:
                self._breakers.released(key, probe=probe)
            raise
        self._breakers.succeeded(key)
        return generation

    async def _with_retry(self, attempt: _Attempt) -> Generation:
        plugin = attempt.target.plugin
        budget = self._budgets[plugin.name, plugin.service_prefix(attempt.upstream)]
        budget.earn()
        retried = False
        while True:
            try:
                return await self._generate(attempt)
            except ProviderError as error:
                attempt.attribute(error)
                wait = None if retried else wait_before_retry(error, attempt.time_left)
                if wait is None or not budget.spend():
                    raise
            retried = True
            await asyncio.sleep(wait)

    async def _generate(self, attempt: _Attempt) -> Generation:
        plugin, prompt = attempt.target.plugin.name, attempt.prompt
        request = GenerateRequest(
            model=attempt.upstream,
            prompt=prompt.text,
            temperature=prompt.temperature,
            max_tokens=prompt.max_tokens,
            timeout=attempt.time_left,
        )

        async def generate() -> Generation:
            return validate_generation(await self._plugins.generate(plugin, request))

        return await isolated(plugin, generate)

    def _fallback(self, target: Target) -> str | None:
        """Return the name that would answer if substitution were allowed."""
        others = [name for name in self._catalog.order(target) if name != target.candidates[0]]
        return others[0] if others else None

    def _not_allowed(self, attempt: _Attempt, what: str) -> ProviderError:
        error = ModelUnavailable(f"{what}: allow that with on_retired=substitute.")
        return attempt.attribute(error)
