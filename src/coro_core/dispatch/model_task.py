"""One model's task in a fan-out, and its result, even if the task is cancelled."""

import asyncio

import structlog

from coro_core.catalog.catalog import Target
from coro_core.contract.errors import MAX_MESSAGE_CHARS, PluginFault, ProviderError, Timeout
from coro_core.contract.types import Generation
from coro_core.dispatch.caller import Caller, Progress, Prompt
from coro_core.dispatch.not_attempted import not_ready
from coro_core.dispatch.result import ModelResult, milliseconds, substitution_note
from coro_core.plugins.record import State
from coro_core.plugins.validation import encodable

_log = structlog.get_logger("coro.fanout")


class ModelTask:
    """The work for one model of one request."""

    def __init__(
        self,
        target: Target,
        caller: Caller,
        prompt: Prompt,
        started: float,
        timeout: float,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        """Start the work on `loop`, the running one.

        `started` is the start of the request on the loop's clock; the work may take `timeout`
        seconds from then.
        """
        self._target = target
        self._clock = loop.time
        self._started = started
        self._progress = Progress()
        self.task = loop.create_task(self._run(caller, prompt, started + timeout))

    async def _run(self, caller: Caller, prompt: Prompt, deadline: float) -> ModelResult:
        plugin = self._target.plugin
        if not plugin.callable:
            await plugin.start_finished.wait()
            if not plugin.callable:
                return not_ready(self._target)
        try:
            generation = await caller.complete(
                self._target, prompt, deadline, self._progress, self._clock
            )
        except ProviderError as error:
            return self._failed(error)
        return self._answered(generation)

    def result(self, *, late: bool) -> ModelResult:
        """Return the result; `late` if the task was cancelled at the deadline."""
        if late and self._target.plugin.state is State.STARTING:
            return not_ready(self._target)
        if late:
            return self._failed(Timeout())
        if self.task.cancelled():
            # The fan-out did not cancel it: the plugin cancelled the task that it runs in.
            return self._failed(PluginFault())
        return self.task.result()

    def abandon(self) -> None:
        """Count the task among its service's abandoned calls until it ends."""
        plugin = self._target.plugin
        upstream = self._progress.upstream or self._target.candidates[0]
        calls = plugin.abandoned_calls(upstream)
        calls.add(self.task)
        _log.error(
            "call goes on after its deadline",
            model=self._target.id,
            plugin=plugin.name,
            abandoned=True,
            running=calls.running,
        )

    def _answered(self, generation: Generation) -> ModelResult:
        self._learn(None)
        return ModelResult(
            model=self._target.id,
            response=generation.text,
            latency_ms=self._latency_ms,
            upstream_model=self._progress.answered_as or self._progress.upstream,
            substituted=self._substituted,
            note=self._note(),
            finish_reason=generation.finish_reason,
            usage=generation.usage,
        )

    def _failed(self, error: ProviderError) -> ModelResult:
        if not error.provider:
            upstream = self._progress.upstream or self._target.candidates[0]
            self._target.plugin.attribute(error, upstream, self._target.provider)
        self._learn(error)
        return ModelResult(
            model=self._target.id,
            latency_ms=self._latency_ms,
            error=encodable(error.message[:MAX_MESSAGE_CHARS]),
            error_code=error.code,
            upstream_model=self._progress.upstream,
            substituted=self._substituted,
            retry_after_s=error.retry_after,
        )

    def _learn(self, error: ProviderError | None) -> None:
        plugin = self._target.plugin
        plugin.traffic.called(error)
        plugin.learn_key(error, self._progress.upstream or self._target.candidates[0])

    @property
    def _latency_ms(self) -> int:
        return milliseconds(self._clock() - self._started)

    @property
    def _substituted(self) -> bool:
        first = self._target.candidates[0]
        return self._progress.rerouted or self._progress.upstream not in (None, first)

    def _note(self) -> str | None:
        first, progress = self._target.candidates[0], self._progress
        if progress.upstream is None:
            return None
        if progress.upstream != first:
            answered = progress.answered_as or progress.upstream
            return substitution_note(first, answered, "answered")
        return f"{first} answered as {progress.answered_as}." if progress.answered_as else None
