"""What came back over REST: Gemini's JSON, read with care, since no SDK checks it before."""

import re
from collections.abc import Mapping
from typing import Any

from coro_core import InvalidResponse, ProviderError, Usage
from coro_core.kit.http import error_for_status, json_object, retry_after
from coro_gemini.error_mapping import NOT_GEMINI, Refusal, error_for
from coro_gemini.reply import Reply, count

_NOT_FOUND = 404
_SECONDS = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,9})?)s")
"""A `google.protobuf.Duration` in JSON; one below zero asks for nothing."""


def read_reply(content: str) -> Reply:
    """Return the answer in plain data, without thoughts. Raises `InvalidResponse`."""
    body = json_object(content)
    usage, model = body.get("usageMetadata"), _text(body.get("modelVersion"))
    feedback = body.get("promptFeedback")
    if not body.keys() & {"candidates", "promptFeedback", "usageMetadata"}:
        raise InvalidResponse("It holds no answer.")
    candidates = _list(body.get("candidates"))
    if not candidates:
        blocked = isinstance(feedback, dict) and bool(feedback.get("blockReason"))
        return Reply(prompt_blocked=blocked, model=model, usage=_usage(usage))
    candidate = _object(candidates[0])
    parts = [_object(part) for part in _list(_object(candidate.get("content") or {}).get("parts"))]
    texts = [part.get("text", "") for part in parts if part.get("thought") is not True]
    if not all(isinstance(text, str) for text in texts):
        raise InvalidResponse("Its answer is not a text.")
    return Reply(
        text="".join(texts),
        finish_reason=_text(candidate.get("finishReason")),
        model=model,
        usage=_usage(usage),
    )


def error_from(status: int, headers: Mapping[str, str], content: bytes) -> ProviderError:
    """Return the error that a reply other than a 200 stands for.

    What does not come in Google's words comes from something on the way, and is judged by its
    HTTP status alone.
    """
    wait = retry_after(headers.get("retry-after"))
    refusal = _refusal(content, wait)
    if refusal is not None:
        return error_for(refusal)
    if status == _NOT_FOUND:
        return InvalidResponse(NOT_GEMINI)
    return error_for_status(status, retry_after=wait)


def _refusal(content: bytes, wait: float | None) -> Refusal | None:
    """Return the `google.rpc.Status` in an error body, if there is one."""
    try:
        error = _object(json_object(content).get("error"))
        details = [_object(detail) for detail in _list(error.get("details"))]
        violations = [
            _object(violation)
            for detail in _of_type("QuotaFailure", details)
            for violation in _list(detail.get("violations"))
        ]
    except InvalidResponse:
        return None
    if not _text(error.get("status")):
        return None
    delays = [_text(detail.get("retryDelay")) for detail in _of_type("RetryInfo", details)]
    found = _SECONDS.fullmatch(delays[-1]) if delays else None
    return Refusal(
        status=_text(error.get("status")),
        message=_text(error.get("message")),
        reason=next((_text(it.get("reason")) for it in _of_type("ErrorInfo", details)), ""),
        quota_ids=tuple(_text(violation.get("quotaId")) for violation in violations),
        retry_after=float(found[1]) if found else wait,
    )


def _of_type(name: str, details: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [it for it in details if it.get("@type") == f"type.googleapis.com/google.rpc.{name}"]


def _usage(usage: object) -> Usage:
    """Return the counts: Gemini counts the visible answer apart from thinking.

    It leaves a count of 0 out, and the one of thinking with models that do not think.
    """
    if not isinstance(usage, dict):
        return Usage()
    return Usage(
        input_tokens=count(usage.get("promptTokenCount", 0)),
        output_tokens=count(usage.get("candidatesTokenCount", 0)),
        reasoning_tokens=count(usage.get("thoughtsTokenCount")),
    )


def _object(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidResponse("It does not have the shape of an answer.")
    return value


def _list(value: object) -> list[Any]:
    """Return a list; one that is not there is empty."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise InvalidResponse("It does not have the shape of an answer.")
    return value


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
