"""One prompt to many models, all at once: one row each, on time, whatever happens."""

import asyncio
from collections.abc import Sequence

import structlog

from coro_core.catalog.catalog import Catalog, Target
from coro_core.contract.errors import (
    MAX_MESSAGE_CHARS,
    NotConfigured,
    Overloaded,
    PluginFault,
    ProviderError,
    Timeout,
)
from coro_core.contract.types import Generation
from coro_core.dispatch.caller import Caller, Progress, Prompt
from coro_core.dispatch.result import UNKNOWN_MODEL, ChatResult, ModelResult
from coro_core.plugins.record import State
from coro_core.plugins.validation import encodable

CANCEL_SECONDS = 0.1
"""How long work that was cut off at the deadline is waited for before it is abandoned."""

STARTING_SECONDS = 2.0
"""What callers are asked to wait for a plugin that is not open yet."""
MAX_STRAGGLERS = 32
"""So many calls of one plugin may go on after their deadlines; then it gets no new ones."""
SWAMPED_SECONDS = 5.0
"""What callers are asked to wait for a plugin that has too many of them."""

_log = structlog.get_logger("coro.fanout")


class FanOut:
    """Asks many models at once."""

    def __init__(self, catalog: Catalog, caller: Caller) -> None:
        self._catalog = catalog
        self._caller = caller
        self._stragglers: set[asyncio.Task[ModelResult]] = set()

    @property
    def stragglers(self) -> int:
        """How many calls went on after their deadline and have not ended yet."""
        return len(self._stragglers)

    async def ask(self, model_ids: Sequence[str], prompt: Prompt, timeout: float) -> ChatResult:
        """Return a row for each id within `timeout` seconds; an id named twice is asked once.

        Never raises for what a model or a plugin does. When it is cancelled, so is every call.
        """
        clock = asyncio.get_running_loop().time
        started = clock()
        rows: dict[str, ModelResult] = {}
        works: dict[str, _Work] = {}
        for model_id in dict.fromkeys(model_ids):
            target = self._catalog.target(model_id)
            if target is None:
                rows[model_id] = self._unknown(model_id)
            elif not target.configured:
                rows[model_id] = _not_attempted(target)
            elif target.plugin.stragglers >= MAX_STRAGGLERS:
                rows[model_id] = _swamped(target)
            elif target.plugin.callable or target.plugin.state is State.STARTING:
                works[model_id] = _Work(target, self._caller, prompt, started, timeout)
            else:
                rows[model_id] = _not_attempted(target)
        try:
            await _wait({work.task for work in works.values()}, timeout)
        finally:
            late = {work.task for work in works.values() if not work.task.done()}
            self._cut_off([work for work in works.values() if work.task in late])
        # Told to stop, most do so at once; the others must not hold up the rows.
        await _wait(late, CANCEL_SECONDS)
        for model_id, work in works.items():
            rows[model_id] = work.row(late=work.task in late)
        ordered = [rows[model_id] for model_id in dict.fromkeys(model_ids)]
        _log_rows(ordered)
        return ChatResult(ordered, _ms(clock() - started))

    def _unknown(self, model_id: str) -> ModelResult:
        hint = self._catalog.hint(model_id)
        return ModelResult(model=model_id, error=hint, error_code=UNKNOWN_MODEL, attempted=False)

    def _cut_off(self, late: Sequence["_Work"]) -> None:
        """Cancel what is not done, hold on to it until it is, and look whether it ends soon."""
        for work in late:
            self._stragglers.add(work.task)
            work.task.add_done_callback(self._stragglers.discard)
            work.task.cancel()
        if late:
            # Also for those whose caller left, and who are awaited by nobody.
            asyncio.get_running_loop().call_later(CANCEL_SECONDS, _abandon, late)


class _Work:
    """One model's work: its task, and its row whatever becomes of the task."""

    def __init__(
        self, target: Target, caller: Caller, prompt: Prompt, started: float, timeout: float
    ) -> None:
        self._target = target
        self._started = started
        self._progress = Progress()
        work = self._run(caller, prompt, started + timeout)
        self.task = asyncio.create_task(work)

    async def _run(self, caller: Caller, prompt: Prompt, deadline: float) -> ModelResult:
        clock = asyncio.get_running_loop().time
        plugin = self._target.plugin
        if not plugin.callable:
            await plugin.start_finished.wait()
            if not plugin.callable:
                return _not_attempted(self._target)
        try:
            generation = await caller.call(self._target, prompt, deadline, self._progress)
        except ProviderError as error:
            return self._failed(error, clock() - self._started)
        return self._answered(generation, clock() - self._started)

    def row(self, *, late: bool) -> ModelResult:
        """Return the row; `late` when the task had to be cut off."""
        elapsed = asyncio.get_running_loop().time() - self._started
        if late and self._target.plugin.state is State.STARTING:
            return _not_attempted(self._target)
        if late:
            return self._failed(Timeout(), elapsed)
        if self.task.cancelled():
            # Nobody here did that: the plugin cancelled the task that it was running in.
            return self._failed(PluginFault(), elapsed)
        return self.task.result()

    def abandon(self) -> None:
        """Count the work among the stragglers of its plugin until it ends."""
        plugin = self._target.plugin
        plugin.straggles()
        self.task.add_done_callback(lambda _: plugin.straggles_no_more())
        _log.error(
            "call goes on after its deadline",
            model=self._target.id,
            abandoned=True,
            stragglers=plugin.stragglers,
        )

    def _answered(self, generation: Generation, seconds: float) -> ModelResult:
        self._learn(None)
        return ModelResult(
            model=self._target.id,
            response=generation.text,
            latency_ms=_ms(seconds),
            upstream_model=self._progress.upstream,
            substituted=self._substituted,
            note=self._note(),
            finish_reason=generation.finish_reason,
            usage=generation.usage,
        )

    def _learn(self, error: ProviderError | None) -> None:
        self._target.plugin.traffic.called(error)
        self._target.plugin.learn_key(error)

    @property
    def _substituted(self) -> bool:
        return self._progress.upstream not in (None, self._target.candidates[0])

    def _note(self) -> str | None:
        if not self._substituted:
            return None
        first = self._target.candidates[0]
        return f"{first} is no longer served; {self._progress.upstream} answered."

    def _failed(self, error: ProviderError, seconds: float) -> ModelResult:
        error.provider = error.provider or self._target.provider
        self._learn(error)
        return ModelResult(
            model=self._target.id,
            latency_ms=_ms(seconds),
            error=encodable(error.message[:MAX_MESSAGE_CHARS]),
            error_code=error.code,
            upstream_model=self._progress.upstream,
            substituted=self._substituted,
            retry_after_s=error.retry_after,
        )


def _swamped(target: Target) -> ModelResult:
    detail = (
        f"{target.plugin.stragglers} calls to it go on long after their deadlines;"
        " it is asked again when they have ended."
    )
    error = Overloaded(detail, retry_after=SWAMPED_SECONDS)
    error.provider = target.provider
    return ModelResult(
        model=target.id,
        error=error.message,
        error_code=error.code,
        retry_after_s=error.retry_after,
        attempted=False,
    )


def _not_attempted(target: Target) -> ModelResult:
    error: type[ProviderError] = PluginFault
    wait = None
    if not target.configured or target.plugin.state in (State.UNCONFIGURED, State.DISABLED):
        error = NotConfigured
    elif target.plugin.state is State.STARTING:
        error, wait = Timeout, STARTING_SECONDS
    return ModelResult(
        model=target.id,
        error=target.reason,
        error_code=error.code,
        retry_after_s=wait,
        attempted=False,
    )


def _abandon(late: Sequence[_Work]) -> None:
    """Say and count which work goes on although it was cancelled."""
    for work in late:
        if not work.task.done():
            work.abandon()


async def _wait(tasks: set[asyncio.Task[ModelResult]], timeout: float) -> None:
    if tasks:
        await asyncio.wait(tasks, timeout=timeout)


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def _log_rows(rows: Sequence[ModelResult]) -> None:
    """Tell of all that answered in one line, since lines cost; of each that failed in its own."""
    answered = [row for row in rows if row.error_code is None]
    if answered:
        _log.info(
            "models answered",
            latency_ms={row.model: row.latency_ms for row in answered},
            tokens={row.model: row.usage.output_tokens if row.usage else None for row in answered},
            substituted={row.model: row.upstream_model for row in answered if row.substituted},
        )
    for row in rows:
        if row.error_code is not None:
            _log.warning(
                "model failed",
                model=row.model,
                upstream_model=row.upstream_model,
                latency_ms=row.latency_ms,
                error_code=row.error_code,
            )
