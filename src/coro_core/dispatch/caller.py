"""One model's answer: its candidates in turn, a retry where it helps.

Nothing that a plugin raises or returns gets past here, except as a `ProviderError`.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass

from coro_core.catalog.catalog import Catalog, Target, same_model
from coro_core.contract.errors import (
    ModelUnavailable,
    ProviderError,
    Timeout,
)
from coro_core.contract.types import GenerateRequest, Generation
from coro_core.dispatch.circuit_breaker import Breakers
from coro_core.dispatch.retry import RetryBudget, wait_before_retry
from coro_core.plugins.isolation import isolated
from coro_core.plugins.record import PluginRecord
from coro_core.plugins.registry import PluginRegistry
from coro_core.plugins.validation import validate_generation

_NEARLY = 0.9
"""Some of a call's time goes by before it is made."""
_TICK = 0.01
"""Timers may fire this much early, in seconds."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """What is asked of every model alike."""

    text: str
    temperature: float
    max_tokens: int
    substitute: bool = True
    """Whether another model may answer for one that is no longer served."""


@dataclass(slots=True)
class Progress:
    """How far one model's work has come; read when it is cut off as well."""

    upstream: str | None = None
    """The upstream name that was called last; once answered, the one that answered."""
    attempts: int = 0


class Caller:
    """Calls models through their plugins, and turns every failure into a `ProviderError`."""

    def __init__(
        self,
        plugins: PluginRegistry,
        catalog: Catalog,
        *,
        on_gone: Callable[[PluginRecord], None] = lambda _: None,
        breakers: Breakers | None = None,
        patience: float = 0.0,
    ) -> None:
        """`on_gone` is told of a provider when a call finds one of its names gone.

        A provider that does not answer within `patience` seconds has failed; one that a caller
        would not wait for as long has not.
        """
        self._plugins = plugins
        self._catalog = catalog
        self._on_gone = on_gone
        self._breakers = breakers or Breakers()
        self._patience = patience
        self._budgets: defaultdict[str, RetryBudget] = defaultdict(RetryBudget)

    async def call(
        self, target: Target, prompt: Prompt, deadline: float, progress: Progress
    ) -> Generation:
        """Return the answer of the first candidate that the provider serves.

        `deadline` is on the loop's clock, in seconds. Without `prompt.substitute` only the first
        choice may answer. Raises `ProviderError` leaves; cancellation passes through.
        """
        first = target.candidates[0]
        names = self._catalog.order(target) if prompt.substitute else (first,)
        upstreams = self._catalog.upstreams(target.plugin)
        failure: ModelUnavailable | None = None
        for upstream in names:
            proven = upstreams.proven(upstream)
            async with nullcontext(True) if proven else upstreams.careful(upstream) as call_it:
                if not call_it:
                    continue
                progress.upstream = upstream
                try:
                    generation = await self._unless_broken(
                        target, upstream, prompt, deadline, progress
                    )
                except ModelUnavailable as error:
                    upstreams.gone(upstream)
                    self._on_gone(target.plugin)
                    failure = error
                    continue
                upstreams.answered(upstream)
            answered = generation.model
            if answered and not same_model(upstream, answered):
                progress.upstream = answered
                if not prompt.substitute:
                    raise self._refused(target, f"{answered} answered instead")
            return generation
        progress.upstream = progress.upstream or first
        if not prompt.substitute and (successor := self._successor(target)):
            raise self._refused(target, f"{successor} would answer")
        raise failure or self._complete(ModelUnavailable(), target, first)

    async def _unless_broken(
        self, target: Target, upstream: str, prompt: Prompt, deadline: float, progress: Progress
    ) -> Generation:
        """Call a model unless it has just failed again and again, and learn from the call."""
        clock = asyncio.get_running_loop().time
        key, patient = (
            (target.plugin.name, upstream),
            deadline - clock() >= self._patience * _NEARLY,
        )
        try:
            look = self._breakers.enter(key)
        except ProviderError as error:
            raise self._complete(error, target, upstream) from None
        try:
            generation = await self._with_retry(target, upstream, prompt, deadline, progress)
        except ProviderError as error:
            # A plugin may keep the caller's deadline by itself.
            if isinstance(error, Timeout) and not patient and clock() >= deadline - _TICK:
                self._breakers.left(key, look=look)
            else:
                self._breakers.failed(key, error, look=look)
            raise
        except asyncio.CancelledError:
            if patient and clock() >= deadline - _TICK:
                self._breakers.failed(key, Timeout(), look=look)
            else:
                self._breakers.left(key, look=look)
            raise
        self._breakers.succeeded(key)
        return generation

    async def _with_retry(
        self, target: Target, upstream: str, prompt: Prompt, deadline: float, progress: Progress
    ) -> Generation:
        clock = asyncio.get_running_loop().time
        budget = self._budgets[target.plugin.name]
        budget.earn()
        retried = False
        while True:
            progress.attempts += 1
            try:
                return await self._attempt(target, upstream, prompt, deadline - clock())
            except ProviderError as error:
                self._complete(error, target, upstream)
                wait = None if retried else wait_before_retry(error, deadline - clock())
                if wait is None or not budget.spend():
                    raise
            retried = True
            await asyncio.sleep(wait)

    async def _attempt(
        self, target: Target, upstream: str, prompt: Prompt, timeout: float
    ) -> Generation:
        request = GenerateRequest(
            model=upstream,
            prompt=prompt.text,
            temperature=prompt.temperature,
            max_tokens=prompt.max_tokens,
            timeout=timeout,
        )

        async def generate() -> Generation:
            return validate_generation(await self._plugins.generate(target.plugin.name, request))

        return await isolated(target.plugin.name, generate)

    def _successor(self, target: Target) -> str | None:
        """Return the name that would answer if substitution were allowed."""
        others = [name for name in self._catalog.order(target) if name != target.candidates[0]]
        return others[0] if others else None

    def _refused(self, target: Target, what: str) -> ProviderError:
        error = ModelUnavailable(f"{what}: allow that with on_retired=substitute.")
        return self._complete(error, target, target.candidates[0])

    def _complete(self, error: ProviderError, target: Target, upstream: str) -> ProviderError:
        """Add who and what to an error."""
        service = target.plugin.service(upstream)
        error.provider = service.name if service else target.provider
        error.model = upstream
        return error
