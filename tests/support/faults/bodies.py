"""Bodies that no provider should send with a 200, and some do, with the code of the row.

`None` stands for an answer.
"""

from collections.abc import Callable

from coro_core.testing import Call
from support.faults.canaries import PROVIDER_TEXT
from support.faults.replies import Body, completion, echo, error_body, json_bytes

INVALID, EMPTY, BLOCKED = "invalid_response", "empty_response", "content_blocked"
Bodies = dict[str, tuple[Body, str | None]]

TINY = json_bytes([{"a": 1}] * 200_000)
"""Made once: nobody else in the process can answer while it is made."""


def answer(message: object) -> bytes:
    return json_bytes({"choices": [{"message": message, "finish_reason": "stop"}]})


def tiny_objects(call: Call) -> bytes:
    return completion(call)[:-1] + b', "extra": ' + TINY + b"}"


CHAT_BODIES: Bodies = {
    "an HTML page": (lambda call: f"<html>{echo(call)}</html>".encode(), INVALID),
    "half of a JSON object": (lambda call: completion(call)[:-20], INVALID),
    "two JSON objects": (lambda call: completion(call) * 2, INVALID),
    "a list": (lambda call: b"[" + completion(call) + b"]", INVALID),
    "a number": (b"7", INVALID),
    "a text": (lambda call: json_bytes(echo(call)), INVALID),
    "null": (b"null", INVALID),
    "NaN": (b"NaN", INVALID),
    "100,000 brackets": (b"[" * 100_000, INVALID),
    "a number of 10,000 digits": (b"9" * 10_000, INVALID),
    "no choices": (lambda call: json_bytes({"model": echo(call)}), INVALID),
    "empty choices": (b'{"choices": []}', INVALID),
    "choices that are an object": (b'{"choices": {"0": 1}}', INVALID),
    "a choice that is null": (b'{"choices": [null]}', INVALID),
    "a choice that is NaN": (b'{"choices": [NaN]}', INVALID),
    "no message": (b'{"choices": [{"index": 0}]}', INVALID),
    "a message that is a text": (lambda call: answer(echo(call)), INVALID),
    "content that is a list": (
        lambda call: answer({"content": [{"type": "text", "text": echo(call)}]}),
        INVALID,
    ),
    "content that is a number": (answer({"content": 7}), INVALID),
    "content that is an object": (answer({"content": {}}), INVALID),
    "an error with 200": (error_body, INVALID),
    "fields that are named twice": (lambda call: b'{"choices": 7, ' + completion(call)[1:], None),
    "null content": (answer({"content": None}), "empty_response"),
    "empty content": (answer({"content": ""}), "empty_response"),
    "content of white space": (answer({"content": " \n"}), "empty_response"),
    "content of 1.5 million characters": (answer({"content": "x" * 1_500_000}), INVALID),
    "UTF-8 that is broken": (lambda call: completion(call).replace(b"fine", b"\xff\xfe"), INVALID),
    "a byte order mark": (lambda call: b"\xef\xbb\xbf" + completion(call), None),
    "UTF-16": (lambda call: completion(call).decode().encode("utf-16"), None),
    "half a surrogate pair": (answer({"content": "fine \ud83d"}), None),
    "counts that are NaN": (
        lambda call: completion(call, usage={"completion_tokens": float("nan")}),
        None,
    ),
    "counts that are endless": (
        lambda call: completion(call, usage={"prompt_tokens": float("inf")}),
        None,
    ),
    "200,000 tiny objects beside an answer": (tiny_objects, INVALID),
    "an answer of 250,000 braces": (answer({"content": "{" * 250_000}), None),
    "20 blank lines first": (lambda call: b"\n" * 20 + completion(call), None),
    "10,000 blank lines first": (lambda call: b"\r\n" * 10_000 + completion(call), None),
}
"""In the chat dialect, of DeepSeek and Groq."""


def candidate(**fields: object) -> bytes:
    return json_bytes({"candidates": [fields]})


def part(**fields: object) -> bytes:
    return candidate(content={"parts": [fields]}, finishReason="STOP")


def fine(**fields: object) -> Callable[[Call], bytes]:
    return lambda call: completion(call, **fields)


REST_BODIES: Bodies = {
    "an HTML page": (lambda call: f"<html>{echo(call)}</html>".encode(), INVALID),
    "an empty body": (b"", INVALID),
    "blank lines alone": (b"\n" * 30, INVALID),
    "half of a JSON object": (lambda call: completion(call)[:-20], INVALID),
    "two JSON objects": (lambda call: completion(call) * 2, INVALID),
    "a list": (lambda call: b"[" + completion(call) + b"]", INVALID),
    "a text": (lambda call: json_bytes(echo(call)), INVALID),
    "null": (b"null", INVALID),
    "NaN": (b"NaN", INVALID),
    "100,000 brackets": (b"[" * 100_000, INVALID),
    "a number of 10,000 digits": (b"9" * 10_000, INVALID),
    "an error with 200": (error_body, INVALID),
    "an object without fields": (b"{}", INVALID),
    "another dialect": (b'{"choices": [{"message": {"content": "fine"}}]}', INVALID),
    "candidates that are an object": (json_bytes({"candidates": {"0": 1}}), INVALID),
    "a candidate that is null": (json_bytes({"candidates": [None]}), INVALID),
    "content that is a text": (lambda call: candidate(content=echo(call)), INVALID),
    "parts that are a text": (lambda call: candidate(content={"parts": echo(call)}), INVALID),
    "a part that is a number": (candidate(content={"parts": [7]}), INVALID),
    "a text that is an object": (part(text={}), INVALID),
    "a text of 1.5 million characters": (part(text="x" * 1_500_000), INVALID),
    "UTF-8 that is broken": (lambda call: completion(call).replace(b"fine", b"\xff\xfe"), INVALID),
    "no candidates": (json_bytes({"candidates": [], "usageMetadata": {}}), EMPTY),
    "a candidate without content": (candidate(finishReason="STOP"), EMPTY),
    "MAX_TOKENS without parts": (candidate(content={}, finishReason="MAX_TOKENS"), EMPTY),
    "thoughts alone": (part(text=PROVIDER_TEXT, thought=True), EMPTY),
    "parts of white space": (part(text=" \n"), EMPTY),
    "a call of a function": (part(functionCall={"name": PROVIDER_TEXT}), EMPTY),
    "SAFETY without parts": (candidate(finishReason="SAFETY"), BLOCKED),
    "a prompt that is blocked": (
        json_bytes({"promptFeedback": {"blockReason": "SAFETY"}}),
        BLOCKED,
    ),
    "a reason to block of the future": (
        json_bytes({"promptFeedback": {"blockReason": "NEW"}}),
        BLOCKED,
    ),
    "a finish reason of the future": (
        json_bytes(
            {"candidates": [{"content": {"parts": [{"text": "x"}]}, "finishReason": "NEW"}]}
        ),
        None,
    ),
    "half a surrogate pair": (part(text="fine \ud83d"), None),
    "counts below zero": (fine(usageMetadata={"promptTokenCount": -5}), None),
    "counts that are NaN": (fine(usageMetadata={"candidatesTokenCount": float("nan")}), None),
    "counts that are a text": (fine(usageMetadata=PROVIDER_TEXT), None),
    "200,000 tiny objects beside an answer": (tiny_objects, INVALID),
    "an answer of 250,000 braces": (part(text="{" * 250_000), None),
    "a model that is a number": (fine(modelVersion=7), None),
    "20 blank lines first": (lambda call: b"\n" * 20 + completion(call), None),
}
"""In Gemini's, over REST."""
