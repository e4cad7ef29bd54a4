"""Ten thousand calls with every kind of fault leave no more behind than the first ones."""

import asyncio
import gc
import os
import random
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from coro_core import ConnectionFailed, GenerateRequest, RateLimited, UpstreamError
from coro_core.config.logs import configure_logs
from coro_core.dispatch.caller import Prompt
from coro_core.dispatch.fanout import FanOut
from coro_core.engine.engine import build_engine
from support.logs import logging_as_it_was
from support.plugins import NO_REAL_PLUGINS, Echo, Installer, answer, model

CALLS = 10_000
WARM = 2_000
AT_ONCE = 50
SECONDS = 0.1
SETTLE_SECONDS = 30.0
PROMPT = Prompt("Hello", temperature=0.7, max_tokens=100)
MODELS = tuple(model(f"m{n}", f"first-{n}", f"second-{n}") for n in range(10))


async def hang() -> Any:
    await asyncio.sleep(3600)


async def go_on_after_the_end() -> Any:
    try:
        await asyncio.sleep(3600)
    except asyncio.CancelledError:
        await asyncio.sleep(0.01)


async def leave_a_task_behind() -> Any:
    task = asyncio.create_task(asyncio.sleep(0))
    task.add_done_callback(lambda _: None)
    return answer("done")


async def answer_at_length() -> Any:
    return answer("x" * 100_000)


async def answer_nothing() -> Any:
    return None


def raising(exc: Callable[[], BaseException]) -> Callable[[], Awaitable[Any]]:
    async def fault() -> Any:
        raise exc()

    return fault


FAULTS: Sequence[Callable[[], Awaitable[Any]]] = (
    hang,
    go_on_after_the_end,
    leave_a_task_behind,
    answer_at_length,
    answer_nothing,
    raising(lambda: ValueError("secret")),
    raising(lambda: SystemExit(3)),
    raising(asyncio.CancelledError),
    raising(lambda: BaseExceptionGroup("many", [KeyboardInterrupt(), ValueError()])),
    raising(ConnectionFailed),
    raising(UpstreamError),
    raising(lambda: RateLimited(retry_after=0.01)),
)


class Mixed(Echo):
    """Every second call meets a fault; a seed makes each run the same mix."""

    models = MODELS
    chance = random.Random(4)
    calls = 0

    async def generate(self, request: GenerateRequest) -> Any:
        Mixed.calls += 1
        if self.chance.random() < 0.5:
            return answer(request.prompt)
        return await self.chance.choice(FAULTS)()


@dataclass(frozen=True, slots=True)
class Held:
    """Resources of the process when no call is in flight."""

    blocks: int
    """Of Python's memory: each object takes one at least."""
    tasks: int
    files: int


async def at_rest(fanout: FanOut) -> Held:
    """Wait until every call has ended, and count."""
    end = asyncio.get_running_loop().time() + SETTLE_SECONDS
    while fanout.abandoned_running:
        assert asyncio.get_running_loop().time() < end, "a call goes on without end"
        await asyncio.sleep(0.01)
    gc.collect()
    files = len(os.listdir("/proc/self/fd"))
    return Held(sys.getallocatedblocks(), len(asyncio.all_tasks()), files)


async def test_ten_thousand_calls_leave_nothing_behind(install: Installer) -> None:
    install.add("mixed", Mixed)
    engine = build_engine(NO_REAL_PLUGINS)
    ids = [it.id for it in MODELS]
    outcomes: set[str | None] = set()

    async def ask() -> None:
        answers = await engine.fanout.ask(ids, PROMPT, SECONDS)
        outcomes.update(row.error_code for row in answers.rows)

    async def until(calls: int) -> Held:
        while Mixed.calls < calls:
            await asyncio.gather(*(ask() for _ in range(AT_ONCE)))
        return await at_rest(engine.fanout)

    with logging_as_it_was():
        configure_logs(format="json", level="error")
        async with engine.started():
            first = await until(WARM)
            last = await until(WARM + CALLS)
    print(f"{first}, and {CALLS} calls later {last}; rows: {sorted(map(str, outcomes))}")
    assert outcomes >= {None, "timeout", "plugin_fault", "connection_failed", "upstream_error"}
    assert last.tasks <= first.tasks
    assert last.files <= first.files
    # An object kept of every tenth call would be a thousand.
    assert last.blocks - first.blocks < CALLS / 10
