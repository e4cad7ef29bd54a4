"""Every status that Gemini can answer with, and what gRPC itself can break on."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

import pytest

from coro_core.testing import Call
from coro_gemini.dialect import status
from coro_gemini.grpc_sdk import grpc, protos
from support.faults.canaries import PROVIDER_TEXT
from support.faults.gemini_refusals import REFUSALS, WAITS, retry_in
from support.faults.grpc_server import (
    Answer,
    Context,
    ScriptedGemini,
    refuse,
    scripted_gemini,
    well,
)
from support.faults.replies import raw
from support.faults.world import World, world

S = grpc.StatusCode


@asynccontextmanager
async def scripted() -> AsyncIterator[tuple[World, ScriptedGemini]]:
    async with (
        scripted_gemini() as (script, address),
        world("gemini", {"GEMINI_BASE_URL": address}) as here,
    ):
        yield here, script


async def survives(
    here: World, script: ScriptedGemini, name: str, code: str | None, answer: Answer
) -> None:
    with here.trials.trial(name):
        script.answer = answer
        try:
            row = await here.fails(code)
        finally:
            script.answer = None
        if name in WAITS:
            assert row["retry_after_s"] == WAITS[name]
        await here.recovers()
        await here.settled()


async def test_every_status_of_gemini_costs_its_own_row() -> None:
    told = {name.partition(",")[0] for name in REFUSALS}
    assert told == {status.name for status in S} - {"OK"}
    async with scripted() as (here, script):
        for name, (code, refused) in REFUSALS.items():
            await survives(here, script, name, code, refuse(refused))


async def test_a_wait_that_fits_is_waited_for_and_then_gemini_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("coro_core.retry.THROTTLED_JITTER_SECONDS", 0.0)
    asked: list[float] = []

    async def once(echo: str, context: Context) -> bytes:
        asked.append(time.monotonic())
        if len(asked) == 1:
            return await refuse(status("RESOURCE_EXHAUSTED", "", retry_in("1s")))(echo, context)
        return well()

    async with scripted() as (here, script):
        with here.trials.trial("RESOURCE_EXHAUSTED and a wait that fits"):
            script.answer = once
            await here.fails(None, timeout=5.0)
            assert len(asked) == 2
            assert asked[1] - asked[0] >= 1.0
            await here.settled()


async def test_a_wait_that_does_not_fit_is_told_at_once_by_gemini_too() -> None:
    async with scripted() as (here, script):
        with here.trials.trial("RESOURCE_EXHAUSTED and a wait that does not fit"):
            script.answer = refuse(status("RESOURCE_EXHAUSTED", "", retry_in("30s")))
            calls = script.calls
            row = await here.fails("rate_limited", timeout=20.0)
            assert row["retry_after_s"] == 30.0
            assert script.calls == calls + 1
            # Neither the wait nor the deadline went by.
            assert row["latency_ms"] < 15_000
            await here.settled()


def _reply(**fields: object) -> bytes:
    return bytes(protos.GenerateContentResponse.serialize(protos.GenerateContentResponse(**fields)))


_stop = protos.Candidate.FinishReason
ANSWERS: dict[str, tuple[str | None, bytes]] = {
    "a message without fields": ("empty_response", b""),
    "bytes that do not decode": ("invalid_response", b"\xff" * 9),
    "half a message": ("invalid_response", b"\x0a\x7f\x0a"),
    "a page of HTML": ("invalid_response", b"<html>" + PROVIDER_TEXT.encode()),
    "a candidate without content": (
        "empty_response",
        _reply(candidates=[protos.Candidate(finish_reason=_stop.STOP)]),
    ),
    "MAX_TOKENS without parts": (
        "empty_response",
        _reply(candidates=[protos.Candidate(finish_reason=_stop.MAX_TOKENS)]),
    ),
    "SAFETY without parts": (
        "content_blocked",
        _reply(candidates=[protos.Candidate(finish_reason=_stop.SAFETY)]),
    ),
    "a prompt that is blocked": ("content_blocked", _reply(prompt_feedback={"block_reason": 1})),
    "parts of white space": (
        "empty_response",
        _reply(candidates=[{"content": {"parts": [{"text": " \n"}]}, "finish_reason": 1}]),
    ),
    "a finish reason of the future": (
        None,
        _reply(candidates=[{"content": {"parts": [{"text": "fine"}]}, "finish_reason": 99}]),
    ),
    "counts below zero": (
        None,
        _reply(
            candidates=[{"content": {"parts": [{"text": "fine"}]}, "finish_reason": 1}],
            usage_metadata={"prompt_token_count": -5, "candidates_token_count": -7},
        ),
    ),
    "an answer of 100 MB": (
        "invalid_response",
        b"\x0a" + b"\x80\x80\x80\x32" + b"x" * (100 * 1024 * 1024),
    ),
}


async def test_whatever_gemini_answers_costs_its_own_row() -> None:
    async with scripted() as (here, script):
        for name, (code, content) in ANSWERS.items():

            async def answer(_: str, __: Context, content: bytes = content) -> bytes:
                return content

            await survives(here, script, name, code, answer)


async def test_gemini_that_breaks_the_rules_of_grpc_costs_its_own_row() -> None:
    async def flood(_: str, context: Context) -> bytes:
        await context.send_initial_metadata([(f"x-{n}", "0") for n in range(5000)])
        return b""

    async def headers_then_nothing(echo: str, context: Context) -> bytes:
        await context.send_initial_metadata([("x-echo-bin", echo.encode())])
        await asyncio.Event().wait()
        return b""

    async def details_that_do_not_decode(echo: str, context: Context) -> bytes:
        await context.abort(S.INTERNAL, echo, (("grpc-status-details-bin", b"\xff" * 9),))
        return b""

    async def a_text_of_5000_characters(echo: str, context: Context) -> bytes:
        await context.abort(S.INTERNAL, echo + "x" * 5000)
        return b""

    async with scripted() as (here, script):
        for answer, code in (
            (flood, "invalid_response"),
            (headers_then_nothing, "timeout"),
            (details_that_do_not_decode, "invalid_response"),
            (a_text_of_5000_characters, "upstream_error"),
        ):
            await survives(here, script, answer.__name__.replace("_", " "), code, answer)


def frame(kind: int, stream: int, payload: bytes, flags: int = 0) -> bytes:
    """Return a frame of HTTP/2."""
    return (
        len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload
    )


NUMBER = b"\0\0\0\0"
LOST = "connection_failed"
FRAMES = {
    "GOAWAY before any stream": (LOST, frame(7, 0, NUMBER + b"\0\0\0\x0b")),
    "GOAWAY with the provider's words": (
        LOST,
        frame(7, 0, NUMBER + b"\0\0\0\x02" + PROVIDER_TEXT.encode()),
    ),
    "a frame larger than allowed": (LOST, b"\xff\xff\xff" + frame(0, 1, b"")[3:]),
    "PING of a wrong size": (LOST, frame(6, 0, b"x")),
    "data for a stream that is none": (LOST, frame(0, 0, b"x")),
    "half a frame": (LOST, frame(0, 1, b"x" * 20)[:12]),
    "settings of a wrong size": (LOST, frame(4, 0, b"xyz")),
    "a header block that does not decode": (LOST, frame(1, 1, b"\xff" * 30, 4)),
    "zeros": (LOST, b"\0" * 4096),
    "a TLS alert": (LOST, b"\x15\x03\x01\0\x02\x02\x28"),
}


async def test_frames_that_break_http2_cost_their_own_row() -> None:
    async with world("gemini") as here:
        for fault, (code, content) in FRAMES.items():
            await here.survives(fault, code, raw_reply=raw(content))
        await here.survives("continuations without end", LOST, timeout=1.0, raw_reply=continuations)


async def continuations(_: Call) -> AsyncGenerator[bytes, None]:
    """Send what HTTP/2 forbids, for as long as anyone listens."""
    while True:
        yield frame(9, 1, b"\0" * 1000)
        await asyncio.sleep(0.01)
