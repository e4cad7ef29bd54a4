"""Every status that Gemini can answer with over REST, and bodies that it should not send."""

import json
from collections.abc import Callable
from typing import Any

from coro_core.testing import Call
from support.faults.canaries import PROVIDER_TEXT
from support.faults.gemini_refusals import REFUSALS, WAITS
from support.faults.replies import completion, echo, error_body, reply
from support.faults.world import world

INVALID, EMPTY, BLOCKED = "invalid_response", "empty_response", "content_blocked"


async def test_every_status_of_gemini_costs_its_own_row_over_rest_too() -> None:
    async with world("gemini-genai") as here:
        for name, (code, refused) in REFUSALS.items():

            def body(call: Call, refused: Any = refused) -> bytes:
                echoing = {**refused, "message": f"{refused['message']} {echo(call)}"}
                return json.dumps({"error": echoing}).encode()

            row = await here.survives(name, code, raw_reply=reply(body, refused["code"]))
            if name in WAITS:
                with here.trials.trial(f"{name} is told as {WAITS[name]}"):
                    assert row["retry_after_s"] == WAITS[name]


def told(value: object) -> bytes:
    return json.dumps(value).encode()


def candidate(**fields: object) -> bytes:
    return told({"candidates": [fields]})


def part(**fields: object) -> bytes:
    return candidate(content={"parts": [fields]}, finishReason="STOP")


def fine(**fields: object) -> Callable[[Call], bytes]:
    return lambda call: completion(call, **fields)


BODIES: dict[str, tuple[bytes | Callable[[Call], bytes], str | None]] = {
    "an HTML page": (lambda call: f"<html>{echo(call)}</html>".encode(), INVALID),
    "an empty body": (b"", INVALID),
    "blank lines alone": (b"\n" * 30, INVALID),
    "half of a JSON object": (lambda call: completion(call)[:-20], INVALID),
    "two JSON objects": (lambda call: completion(call) * 2, INVALID),
    "a list": (lambda call: b"[" + completion(call) + b"]", INVALID),
    "a text": (lambda call: told(echo(call)), INVALID),
    "null": (b"null", INVALID),
    "NaN": (b"NaN", INVALID),
    "100,000 brackets": (b"[" * 100_000, INVALID),
    "a number of 10,000 digits": (b"9" * 10_000, INVALID),
    "an error with 200": (error_body, INVALID),
    "an object without fields": (b"{}", INVALID),
    "another dialect": (b'{"choices": [{"message": {"content": "fine"}}]}', INVALID),
    "candidates that are an object": (told({"candidates": {"0": 1}}), INVALID),
    "a candidate that is null": (told({"candidates": [None]}), INVALID),
    "content that is a text": (lambda call: candidate(content=echo(call)), INVALID),
    "parts that are a text": (lambda call: candidate(content={"parts": echo(call)}), INVALID),
    "a part that is a number": (candidate(content={"parts": [7]}), INVALID),
    "a text that is an object": (part(text={}), INVALID),
    "a text of 1.5 million characters": (part(text="x" * 1_500_000), INVALID),
    "UTF-8 that is broken": (lambda call: completion(call).replace(b"fine", b"\xff\xfe"), INVALID),
    "no candidates": (told({"candidates": [], "usageMetadata": {}}), EMPTY),
    "a candidate without content": (candidate(finishReason="STOP"), EMPTY),
    "MAX_TOKENS without parts": (candidate(content={}, finishReason="MAX_TOKENS"), EMPTY),
    "thoughts alone": (part(text=PROVIDER_TEXT, thought=True), EMPTY),
    "parts of white space": (part(text=" \n"), EMPTY),
    "a call of a function": (part(functionCall={"name": PROVIDER_TEXT}), EMPTY),
    "SAFETY without parts": (candidate(finishReason="SAFETY"), BLOCKED),
    "a prompt that is blocked": (told({"promptFeedback": {"blockReason": "SAFETY"}}), BLOCKED),
    "a reason to block of the future": (told({"promptFeedback": {"blockReason": "NEW"}}), BLOCKED),
    "a finish reason of the future": (
        told({"candidates": [{"content": {"parts": [{"text": "x"}]}, "finishReason": "NEW"}]}),
        None,
    ),
    "half a surrogate pair": (part(text="fine \ud83d"), None),
    "counts below zero": (fine(usageMetadata={"promptTokenCount": -5}), None),
    "counts that are NaN": (fine(usageMetadata={"candidatesTokenCount": float("nan")}), None),
    "counts that are a text": (fine(usageMetadata=PROVIDER_TEXT), None),
    "a model that is a number": (fine(modelVersion=7), None),
    "20 blank lines first": (lambda call: b"\n" * 20 + completion(call), None),
}
"""Each body, and the code of the row; `None` for an answer."""


async def test_whatever_a_200_of_gemini_holds_costs_its_own_row() -> None:
    async with world("gemini-genai") as here:
        for name, (body, code) in BODIES.items():
            await here.survives(name, code, raw_reply=reply(body))
