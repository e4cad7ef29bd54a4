"""Refusals that come with a 200, and refusals that ask to wait: a time that fits, or does not."""

import time
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from coro_core.testing import Call
from support.faults.harness import fault_harness
from support.faults.replies import completion, echo, json_bytes, map_error, reply

HTTP_PLUGINS = ("deepseek", "groq", "openai")
ERRORS: dict[str, tuple[dict[str, Any], str]] = {
    "a refused key": (
        {"type": "authentication_error", "code": "invalid_api_key"},
        "authentication_failed",
    ),
    "a rate limit": (
        {"type": "rate_limit_error", "code": "rate_limit_exceeded"},
        "rate_limited",
    ),
    "a rate limit by its number": ({"code": 429}, "rate_limited"),
    "no credit": (
        {"type": "insufficient_quota", "code": "insufficient_quota"},
        "quota_exhausted",
    ),
    "an unknown model": (
        {"type": "invalid_request_error", "code": "model_not_found"},
        "model_unavailable",
    ),
    "a prompt that is too long": (
        {
            "type": "invalid_request_error",
            "code": "context_length_exceeded",
            "message": "This model's maximum context length is 8 tokens.",
        },
        "too_large",
    ),
    "a request that is no good": (
        {"type": "invalid_request_error", "code": "invalid_request_error"},
        "bad_request",
    ),
    "too much to do": (
        {"type": "service_unavailable_error", "code": "invalid_request_error"},
        "overloaded",
    ),
    "a failure": (
        {"type": "internal_server_error", "code": None},
        "upstream_error",
    ),
    "a failure by its number": ({"code": "502"}, "upstream_error"),
    "words of another provider": (
        {"type": "new_kind", "code": "strange"},
        "invalid_response",
    ),
    "a number that is no status": ({"code": 200}, "invalid_response"),
}
"""Fields of the error, and the code of its row."""


@pytest.mark.parametrize("plugin", HTTP_PLUGINS)
async def test_a_refusal_within_a_200_is_read_as_the_refusal_it_is(plugin: str) -> None:
    async with fault_harness(plugin) as harness:
        for name, (error, code) in ERRORS.items():

            def body(call: Call, error: dict[str, Any] = error) -> bytes:
                return json_bytes({"error": {"message": echo(call), **error}})

            await harness.survives(f"200 with {name}", code, raw_reply=reply(body))

        def both(call: Call) -> bytes:
            return completion(call, error={"message": echo(call), "code": 500})

        await harness.survives("200 with an answer and an error", None, raw_reply=reply(both))


@pytest.mark.parametrize("plugin", HTTP_PLUGINS)
@pytest.mark.parametrize("status", [429, 503])
async def test_a_wait_that_fits_is_waited_for_and_then_the_model_answers(
    plugin: str, status: int
) -> None:
    asked: list[float] = []

    async def once(call: Call) -> AsyncGenerator[bytes, None]:
        asked.append(time.monotonic())
        script = map_error(status, {"retry-after": "1"}) if len(asked) == 1 else reply(completion)
        async for chunk in script(call):
            yield chunk

    async with fault_harness(plugin) as harness:
        with harness.cases.case(f"{status} and a wait that fits"):
            with harness.script(raw_reply=once):
                await harness.fails(None, timeout=5.0)
            assert len(asked) == 2
            assert asked[1] - asked[0] >= 1.0
            await harness.settled()


@pytest.mark.parametrize("plugin", HTTP_PLUGINS)
@pytest.mark.parametrize(("status", "code"), [(429, "rate_limited"), (503, "overloaded")])
async def test_a_wait_that_does_not_fit_is_reported_at_once(
    plugin: str, status: int, code: str
) -> None:
    async with fault_harness(plugin) as harness:
        with harness.cases.case(f"{status} and a wait that does not fit"):
            harness.behaviour.calls.clear()
            with harness.script(raw_reply=map_error(status, {"retry-after": "30"})):
                row = await harness.fails(code, timeout=20.0)
            assert row["retry_after_s"] == 30.0
            assert len(harness.behaviour.calls) == 1
            # Neither the wait nor the deadline went by.
            assert row["latency_ms"] < 15_000
            await harness.settled()
