"""One prompt to many models, all at once: one result each, within the deadline."""

import asyncio
from collections.abc import Sequence

import structlog

from coro_core.catalog.catalog import Catalog, Target
from coro_core.dispatch.caller import Caller, Prompt
from coro_core.dispatch.model_task import ModelTask
from coro_core.dispatch.not_attempted import not_ready, saturated, unknown
from coro_core.dispatch.result import ChatResult, ModelResult, milliseconds
from coro_core.plugins.isolation import cancel_after
from coro_core.plugins.record import State

CANCEL_SECONDS = 0.1
"""Time for a cancelled task to end; a task that takes longer is abandoned."""
MAX_ABANDONED_CALLS = 32
"""Abandoned calls of one service, or of a plugin without services; new calls are refused then."""

_log = structlog.get_logger("coro.fanout")


class FanOut:
    """Sends prompts to many models at once."""

    def __init__(
        self, catalog: Catalog, caller: Caller, *, max_abandoned: int = MAX_ABANDONED_CALLS
    ) -> None:
        """Ask the models of `catalog`; refuse those with `max_abandoned` abandoned calls."""
        self._catalog = catalog
        self._caller = caller
        self._max_abandoned = max_abandoned
        self._cancelled: set[asyncio.Task[ModelResult]] = set()

    @property
    def abandoned_running(self) -> int:
        """Number of cancelled calls that have not ended yet."""
        return len(self._cancelled)

    async def ask(self, model_ids: Sequence[str], prompt: Prompt, timeout: float) -> ChatResult:
        """Return a result for each id within `timeout` seconds; an id named twice is asked once.

        Never raises for the fault of a model or a plugin. When it is cancelled, so is every call.
        """
        loop = asyncio.get_running_loop()
        started = loop.time()
        results: dict[str, ModelResult] = {}
        tasks: dict[str, ModelTask] = {}
        for model_id in dict.fromkeys(model_ids):
            target = self._catalog.target(model_id)
            if target is None:
                results[model_id] = unknown(model_id, self._catalog)
            elif (refusal := self._refusal(target, prompt)) is not None:
                results[model_id] = refusal
            else:
                tasks[model_id] = ModelTask(target, self._caller, prompt, started, timeout, loop)
        try:
            await cancel_after(timeout, *(task.task for task in tasks.values()))
        finally:
            late = [task for task in tasks.values() if not task.task.done()]
            if late:
                self._keep(late, loop)
        # Most tasks end as soon as they are cancelled. The results do not wait for the rest.
        if late:
            await asyncio.wait([task.task for task in late], timeout=CANCEL_SECONDS)
        for model_id, task in tasks.items():
            results[model_id] = task.result(late=task in late)
        ordered = [results[model_id] for model_id in dict.fromkeys(model_ids)]
        _log_failures(ordered)
        return ChatResult(ordered, milliseconds(loop.time() - started))

    def _refusal(self, target: Target, prompt: Prompt) -> ModelResult | None:
        """Return the result of a model that cannot be called now; `None` if it can be."""
        plugin = target.plugin
        if not target.configured:
            return not_ready(target)
        if plugin.abandoned:
            upstream = self._catalog.order(target)[0] if prompt.substitute else target.candidates[0]
            if plugin.abandoned_calls(upstream).running >= self._max_abandoned:
                return saturated(target, upstream)
        if plugin.callable or plugin.state is State.STARTING:
            return None
        return not_ready(target)

    def _keep(self, late: Sequence[ModelTask], loop: asyncio.AbstractEventLoop) -> None:
        """Keep cancelled tasks until they end, and abandon those that do not end soon."""
        for task in late:
            self._cancelled.add(task.task)
            task.task.add_done_callback(self._cancelled.discard)
        # By a timer, since nobody waits for these tasks if the client has left.
        loop.call_later(CANCEL_SECONDS, _abandon, late)


def _abandon(late: Sequence[ModelTask]) -> None:
    """Count and log the tasks that have not ended although they were cancelled."""
    for task in late:
        if not task.task.done():
            task.abandon()


def _log_failures(results: Sequence[ModelResult]) -> None:
    for result in results:
        if result.error_code is not None:
            _log.warning(
                "model failed",
                model=result.model,
                upstream_model=result.upstream_model,
                latency_ms=result.latency_ms,
                error_code=result.error_code,
            )
