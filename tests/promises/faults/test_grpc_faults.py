"""Every status that Gemini can answer with, and what gRPC itself can break on."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from coro_gemini.grpc.sdk import grpc
from coro_gemini.simulated_replies import rpc_status
from support.faults.gemini_refusals import REFUSALS, WAITS, retry_in
from support.faults.grpc_answers import ANSWERS, BREACHES, FRAMES, LOST, continuations, saying
from support.faults.grpc_server import (
    Answer,
    Context,
    ScriptedGemini,
    refuse,
    scripted_gemini,
    well,
)
from support.faults.harness import HURRIED, PATIENT, Harness, fault_harness
from support.faults.replies import raw

S = grpc.StatusCode
MEGABYTE = 1024 * 1024


@asynccontextmanager
async def scripted() -> AsyncIterator[tuple[Harness, ScriptedGemini]]:
    async with (
        scripted_gemini() as (script, address),
        fault_harness("gemini", {"GEMINI_BASE_URL": address}) as harness,
    ):
        yield harness, script


async def survives(
    harness: Harness,
    script: ScriptedGemini,
    name: str,
    code: str | None,
    answer: Answer,
    timeout: float = HURRIED,
) -> None:
    with harness.cases.case(name):
        script.answer = answer
        try:
            row = await harness.fails(code, timeout)
        finally:
            script.answer = None
        if name in WAITS:
            assert row["retry_after_s"] == WAITS[name]
        await harness.recovers()
        await harness.settled()


async def test_every_status_of_gemini_costs_its_own_row() -> None:
    named = {name.partition(",")[0] for name in REFUSALS}
    assert named == {status.name for status in S} - {"OK"}
    async with scripted() as (harness, script):
        for name, (code, refused) in REFUSALS.items():
            await survives(harness, script, name, code, refuse(refused))


async def test_a_wait_that_fits_is_waited_for_and_then_gemini_answers() -> None:
    asked: list[float] = []

    async def once(echo: str, context: Context) -> bytes:
        asked.append(time.monotonic())
        if len(asked) == 1:
            return await refuse(rpc_status("RESOURCE_EXHAUSTED", "", retry_in("1s")))(echo, context)
        return well()

    async with scripted() as (harness, script):
        with harness.cases.case("RESOURCE_EXHAUSTED and a wait that fits"):
            script.answer = once
            await harness.fails(None, timeout=5.0)
            assert len(asked) == 2
            assert asked[1] - asked[0] >= 1.0
            await harness.settled()


async def test_a_wait_that_does_not_fit_is_reported_at_once_by_gemini_too() -> None:
    async with scripted() as (harness, script):
        with harness.cases.case("RESOURCE_EXHAUSTED and a wait that does not fit"):
            script.answer = refuse(rpc_status("RESOURCE_EXHAUSTED", "", retry_in("30s")))
            calls = script.calls
            row = await harness.fails("rate_limited", timeout=20.0)
            assert row["retry_after_s"] == 30.0
            assert script.calls == calls + 1
            # Neither the wait nor the deadline went by.
            assert row["latency_ms"] < 15_000
            await harness.settled()


async def test_whatever_gemini_answers_costs_its_own_row() -> None:
    async with scripted() as (harness, script):
        for name, (code, content) in ANSWERS.items():
            # Many bytes take the simulator a while to put together.
            timeout = HURRIED if len(content) < MEGABYTE else PATIENT
            await survives(harness, script, name, code, saying(content), timeout)


async def test_gemini_that_breaks_the_rules_of_grpc_costs_its_own_row() -> None:
    async with scripted() as (harness, script):
        for name, (code, answer) in BREACHES.items():
            await survives(harness, script, name, code, answer)


async def test_frames_that_break_http2_cost_their_own_row() -> None:
    async with fault_harness("gemini") as harness:
        for fault, (code, content) in FRAMES.items():
            await harness.survives(fault, code, raw_reply=raw(content))
        await harness.survives(
            "continuations without end", LOST, timeout=1.0, raw_reply=continuations
        )
