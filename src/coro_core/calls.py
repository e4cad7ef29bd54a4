"""One model's answer: its candidates in turn, a retry where it helps.

Nothing that a plugin raises or returns gets past here, except as a `ProviderError`.
"""

import asyncio
from collections import defaultdict
from dataclasses import dataclass, replace

import structlog

from coro_core.catalog import Catalog, Target
from coro_core.errors import (
    ERROR_CODES,
    EmptyResponse,
    InvalidResponse,
    ModelUnavailable,
    PluginFault,
    ProviderError,
    bearable_wait,
    describe,
)
from coro_core.plugins import Plugins
from coro_core.retry import RetryBudget, wait_before_retry
from coro_core.types import GenerateRequest, Generation, Usage

MAX_ANSWER_CHARS = 1_000_000

_log = structlog.get_logger("coro.calls")


@dataclass(frozen=True, slots=True)
class Prompt:
    """What is asked of every model alike."""

    text: str
    temperature: float
    max_tokens: int


@dataclass(slots=True)
class Progress:
    """How far one model's work has come; read when it is cut off as well."""

    upstream: str | None = None
    attempts: int = 0


class Caller:
    """Calls models through their plugins, and turns every failure into a `ProviderError`."""

    def __init__(self, plugins: Plugins, catalog: Catalog) -> None:
        self._plugins = plugins
        self._catalog = catalog
        self._budgets: defaultdict[str, RetryBudget] = defaultdict(RetryBudget)

    async def call(
        self, target: Target, prompt: Prompt, deadline: float, progress: Progress
    ) -> Generation:
        """Return the answer of the first candidate that the provider serves.

        `deadline` is on the loop's clock, in seconds. Raises `ProviderError` leaves; cancellation
        passes through.
        """
        failure = ModelUnavailable()
        for upstream in self._catalog.candidates(target):
            try:
                return await self._call_upstream(target, upstream, prompt, deadline, progress)
            except ModelUnavailable as error:
                self._catalog.set_aside(target, upstream)
                failure = error
        raise failure

    async def _call_upstream(
        self, target: Target, upstream: str, prompt: Prompt, deadline: float, progress: Progress
    ) -> Generation:
        clock = asyncio.get_running_loop().time
        budget = self._budgets[target.plugin.name]
        budget.earn()
        progress.upstream = upstream
        retried = False
        while True:
            progress.attempts += 1
            try:
                return await self._attempt(target, upstream, prompt, deadline - clock())
            except ProviderError as error:
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
        try:
            try:
                return checked(await self._plugins.generate(target.plugin.name, request))
            except ProviderError as error:
                raise _told(error, target, upstream) from None
        except (ProviderError, asyncio.CancelledError):
            raise
        except BaseException as exc:
            # SystemExit and its kind as well: let out of a task, they would end the server.
            _log.error("plugin fault", plugin=target.plugin.name, why=describe(exc))
            raise _told(PluginFault(), target, upstream) from None


def _told(error: ProviderError, target: Target, upstream: str) -> ProviderError:
    """Complete an error with who and what. Raises whatever a plugin's own kind of error does."""
    error.provider, error.model = target.provider, upstream
    error.retry_after = bearable_wait(error.retry_after)
    if error.code not in ERROR_CODES or not isinstance(error.message, str):
        raise TypeError("only the leaves of coro_core.errors may be raised")
    return error


def checked(generation: object) -> Generation:
    """Return what a plugin returned, if it keeps the contract.

    Text that cannot be encoded is mended, since it came from a model; anything else that is wrong
    is the plugin's fault and raises `TypeError`. Raises `EmptyResponse` and `InvalidResponse` too.
    """
    if not isinstance(generation, Generation):
        raise TypeError("coro_generate must return a Generation")
    usage = generation.usage
    if not isinstance(usage, Usage):
        raise TypeError("usage must be a Usage")
    counts = (usage.input_tokens, usage.output_tokens, usage.reasoning_tokens)
    if any(count is not None and (type(count) is not int or count < 0) for count in counts):
        raise TypeError("tokens must be counted in whole numbers")
    if generation.finish_reason not in ("stop", "length", "content_filter", "other"):
        raise TypeError("finish_reason must be one of the four")
    text, model = generation.text, generation.model
    if type(text) is not str or not (model is None or type(model) is str):
        raise TypeError("text and model must be str")
    if not text.strip():
        raise EmptyResponse
    if len(text) > MAX_ANSWER_CHARS:
        raise InvalidResponse(f"It was longer than {MAX_ANSWER_CHARS} characters.")
    return replace(generation, text=encodable(text), model=model and encodable(model[:200]))


def encodable(text: str) -> str:
    """Put a replacement character where half a surrogate pair stands, which no JSON can carry."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
